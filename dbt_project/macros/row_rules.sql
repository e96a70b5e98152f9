{#
    The rules that one row has to keep, by raw table: everything a row is quarantined for is written here, except for
    being a repetition of another row's key. The first rule that is broken names the reason.
#}

{% macro handle_pattern() %}{{ return("'^[A-Za-z0-9._-]{1,96}$'") }}{% endmacro %}
{% macro repo_id_pattern() %}{{ return("'^[A-Za-z0-9._-]{1,96}/[A-Za-z0-9._-]{1,96}$'") }}{% endmacro %}
{% macro listed_id_pattern() %}{{ return("'^[A-Za-z0-9._-]{1,96}(/[A-Za-z0-9._-]{1,96})?$'") }}{% endmacro %}
{% macro paper_id_pattern() %}{{ return("'^[A-Za-z0-9._/-]{1,64}$'") }}{% endmacro %}
{# What no text of a release may have (expectations/release.py). #}
{% macro control_pattern() %}{{ return("'[\\x00-\\x1f\\x7f]'") }}{% endmacro %}
{# The same but for tab, line feed and carriage return, which one_line() makes spaces of. #}
{% macro control_pattern_in_lines() %}{{ return("'[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f]'") }}{% endmacro %}

{% macro malformed(text, pattern) %}
    {{- return(
        '(' ~ text ~ ' is null or not ' ~ matches(text, pattern) | trim ~ " or " ~ text ~ " like '%..%')"
    ) -}}
{% endmacro %}

{% macro any_control_character(texts, pattern=none) %}
    {%- set found = [] -%}
    {%- for text in texts -%}
        {%- do found.append('coalesce(' ~ matches(text, pattern or control_pattern()) | trim ~ ', false)') -%}
    {%- endfor -%}
    {{- return(found | join(' or ')) -}}
{% endmacro %}

{% macro any_negative(numbers) %}
    {{- return('least(' ~ numbers | join(', ') ~ ') < 0') -}}
{% endmacro %}

{% macro any_implausible(counters) %}
    {#- A thousand times what any counter of the Hub has come to; sums of larger ones would not fit their columns. -#}
    {{- return('greatest(0, ' ~ counters | join(', ') ~ ') > 1000000000000') -}}
{% endmacro %}

{% macro row_rules(table_name) %}
    {%- set before_2015 = " < " ~ utc_timestamp('2015-01-01 00:00:00') | trim -%}
    {%- set organization_counters = [
        'numUsers', 'numModels', 'numDatasets', 'numSpaces', 'numPapers', 'numFollowers'
    ] -%}
    {#- First, so that nothing else names a private row. -#}
    {%- set private_rule = [('private', 'coalesce(private, false)')] -%}
    {%- set repo_rules = [
        ('created_in_future', over_a_day_after('createdAt', 'observed_at') | trim),
        ('created_too_early', 'createdAt' ~ before_2015),
    ] -%}
    {%- set rules = {
        'models': private_rule + [
            ('raw_fault', 'fault is not null'),
            ('malformed_id', malformed('id', listed_id_pattern())),
            ('control_character', any_control_character(
                ['_id', 'author', 'gated', 'pipeline_tag', 'library_name', 'gguf.architecture']
            )),
        ] + repo_rules + [
            ('negative_counter', any_negative(['downloads', 'downloadsAllTime', 'likes', 'usedStorage'])),
            ('implausible_counter', any_implausible(['downloads', 'downloadsAllTime', 'likes'])),
        ],
        'datasets': private_rule + [
            ('raw_fault', 'fault is not null'),
            ('malformed_id', malformed('id', listed_id_pattern())),
            ('control_character', any_control_character(['_id', 'author', 'gated'])),
        ] + repo_rules + [
            ('negative_counter', any_negative(['downloads', 'downloadsAllTime', 'likes', 'usedStorage'])),
            ('implausible_counter', any_implausible(['downloads', 'downloadsAllTime', 'likes'])),
        ],
        'spaces': private_rule + [
            ('raw_fault', 'fault is not null'),
            ('malformed_id', malformed('id', repo_id_pattern())),
            ('control_character', any_control_character(['_id', 'author', 'sdk'])),
        ] + repo_rules + [
            ('negative_counter', any_negative(['likes', 'usedStorage'])),
            ('implausible_counter', any_implausible(['likes'])),
        ],
        'organizations': [
            ('raw_fault', 'fault is not null'),
            ('malformed_id', malformed('handle', handle_pattern())),
            ('control_character', any_control_character(['name', 'plan'])
                ~ ' or ' ~ any_control_character(['fullname'], control_pattern_in_lines())),
            ('title_too_long', 'length(fullname) > 1000'),
            ('negative_counter', any_negative(organization_counters)),
            ('implausible_counter', any_implausible(organization_counters)),
        ],
        'daily_papers': [
            ('raw_fault', 'fault is not null'),
            ('malformed_id', malformed('paper.id', paper_id_pattern())),
            ('control_character', any_control_character(['paper.title', 'title'], control_pattern_in_lines())),
            ('title_too_long', 'greatest(length(paper.title), length(title)) > 1000'),
            ('created_in_future', over_a_day_after('greatest(paper.publishedAt, paper.submittedOnDailyAt, date)', 'observed_at') | trim),
            ('created_too_early', "paper.publishedAt < " ~ utc_timestamp('1991-01-01 00:00:00') | trim
                ~ " or date < date '2015-01-01'"),
            ('negative_counter', any_negative(['paper.upvotes', 'numComments'])),
            ('implausible_counter', any_implausible(['paper.upvotes', 'numComments'])),
        ],
    } -%}
    {{- return(rules[table_name]) -}}
{% endmacro %}

{% macro broken_row_rule(table_name) %}
    case
        {%- for rule, broken in row_rules(table_name) %}
        when {{ broken }} then '{{ rule }}'
        {%- endfor %}
    end
{%- endmacro %}

{% macro repeated_keys(relation, key, latest_first) %}
    select
        row_id,
        row_number() over (partition by {{ key }} order by observed_at desc, {{ latest_first }}, row_id) as turn
    from {{ relation }}
    where
        broken_rule is null
        and {{ row_hash([key]) }} in (
            select key_hash from (select {{ row_hash([key]) }} as key_hash from {{ relation }}) as hashed
            group by key_hash
            having count(*) > 1
        )
{%- endmacro %}

{% macro quarantine_rule(turn) %}
    coalesce(broken_rule, case when {{ turn }} > 1 then 'duplicate_key' end)
{%- endmacro %}

{% macro quarantine_reason(turn) %}
    case
        when broken_rule = 'raw_fault' and {{ matches('fault', "'^[A-Za-z_]{1,40}(:[A-Za-z0-9_.]{1,64})?$'") | trim }} then fault
        else {{ quarantine_rule(turn) }}
    end
{%- endmacro %}

{% macro quarantine_key(text, pattern) %}
    case
        when quarantine_rule = 'private' then '(private)'
        when {{ text }} is null then '(missing)'
        when not {{ malformed(text, pattern) }} then {{ text }}
        else {{ hashed(text) }}
    end
{%- endmacro %}

{% macro hashed(text) %}
    {{- return("concat('sha256:', substr(" ~ sha256_hex(text) | trim ~ ", 1, 16))") -}}
{% endmacro %}
