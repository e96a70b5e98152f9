{# Functions that engines spell differently; models call these names only. #}

{% macro matches(text, pattern) %}{{ return(adapter.dispatch('matches')(text, pattern)) }}{% endmacro %}
{% macro default__matches(text, pattern) %}regexp_like({{ text }}, {{ pattern }}){% endmacro %}
{% macro duckdb__matches(text, pattern) %}regexp_matches({{ text }}, {{ pattern }}){% endmacro %}

{% macro has_prefix(text, prefix) %}{{ return(adapter.dispatch('has_prefix')(text, prefix)) }}{% endmacro %}
{% macro default__has_prefix(text, prefix) %}startswith({{ text }}, {{ prefix }}){% endmacro %}
{% macro duckdb__has_prefix(text, prefix) %}starts_with({{ text }}, {{ prefix }}){% endmacro %}

{% macro sha256_hex(text) %}{{ return(adapter.dispatch('sha256_hex')(text)) }}{% endmacro %}
{% macro default__sha256_hex(text) %}sha2({{ text }}, 256){% endmacro %}
{% macro duckdb__sha256_hex(text) %}sha256({{ text }}){% endmacro %}

{% macro row_hash(columns) %}{{ return(adapter.dispatch('row_hash')(columns)) }}{% endmacro %}
{% macro default__row_hash(columns) %}xxhash64({{ columns | join(', ') }}){% endmacro %}
{% macro duckdb__row_hash(columns) %}hash({{ columns | join(', ') }}){% endmacro %}

{% macro least_with_prefix(texts, prefix) %}{{ return(adapter.dispatch('least_with_prefix')(texts, prefix)) }}{% endmacro %}
{% macro default__least_with_prefix(texts, prefix) %}array_min(filter({{ texts }}, text -> startswith(text, {{ prefix }}))){% endmacro %}
{% macro duckdb__least_with_prefix(texts, prefix) %}list_min(list_filter({{ texts }}, lambda text: starts_with(text, {{ prefix }}))){% endmacro %}

{% macro greatest_with_prefix(texts, prefix) %}{{ return(adapter.dispatch('greatest_with_prefix')(texts, prefix)) }}{% endmacro %}
{% macro default__greatest_with_prefix(texts, prefix) %}array_max(filter({{ texts }}, text -> startswith(text, {{ prefix }}))){% endmacro %}
{% macro duckdb__greatest_with_prefix(texts, prefix) %}list_max(list_filter({{ texts }}, lambda text: starts_with(text, {{ prefix }}))){% endmacro %}

{% macro explode(items) %}{{ return(adapter.dispatch('explode')(items)) }}{% endmacro %}
{% macro default__explode(items) %}explode({{ items }}){% endmacro %}
{% macro duckdb__explode(items) %}unnest({{ items }}){% endmacro %}

{% macro sorted_list(items) %}{{ return(adapter.dispatch('sorted_list')(items)) }}{% endmacro %}
{% macro default__sorted_list(items) %}array_sort(collect_list({{ items }})){% endmacro %}
{% macro duckdb__sorted_list(items) %}list_sort(array_agg({{ items }})){% endmacro %}

{% macro list_length(items) %}{{ return(adapter.dispatch('list_length')(items)) }}{% endmacro %}
{% macro default__list_length(items) %}size({{ items }}){% endmacro %}
{% macro duckdb__list_length(items) %}len({{ items }}){% endmacro %}

{% macro has_any(items, texts) %}{{ return(adapter.dispatch('has_any')(items, texts)) }}{% endmacro %}
{% macro default__has_any(items, texts) %}arrays_overlap({{ items }}, array('{{ texts | join("', '") }}')){% endmacro %}
{% macro duckdb__has_any(items, texts) %}list_has_any({{ items }}, ['{{ texts | join("', '") }}']){% endmacro %}

{% macro map_size(pairs) %}{{ return(adapter.dispatch('map_size')(pairs)) }}{% endmacro %}
{% macro default__map_size(pairs) %}size({{ pairs }}){% endmacro %}
{% macro duckdb__map_size(pairs) %}cardinality({{ pairs }}){% endmacro %}

{% macro one_line(text) %}{{ return(adapter.dispatch('one_line')(text)) }}{% endmacro %}
{% macro default__one_line(text) %}trim(regexp_replace({{ text }}, '[ \t\r\n]+', ' ')){% endmacro %}
{% macro duckdb__one_line(text) %}trim(regexp_replace({{ text }}, '[ \t\r\n]+', ' ', 'g')){% endmacro %}

{% macro utc_timestamp(text) %}{{ return(adapter.dispatch('utc_timestamp')(text)) }}{% endmacro %}
{% macro default__utc_timestamp(text) %}cast('{{ text }}Z' as timestamp){% endmacro %}
{% macro duckdb__utc_timestamp(text) %}cast('{{ text }}+00' as timestamptz){% endmacro %}

{# Without asking for the rules of a time zone each time. #}
{% macro utc_day(time) %}{{ return(adapter.dispatch('utc_day')(time)) }}{% endmacro %}
{% macro default__utc_day(time) %}cast({{ time }} as date){% endmacro %}
{% macro duckdb__utc_day(time) %}cast(make_timestamp(epoch_us({{ time }})) as date){% endmacro %}

{# Of numbers, since days of a time zone have to be looked up. #}
{% macro over_a_day_after(time, other) %}{{ return(adapter.dispatch('over_a_day_after')(time, other)) }}{% endmacro %}
{% macro default__over_a_day_after(time, other) %}{{ time }} > {{ other }} + interval 1 day{% endmacro %}
{% macro duckdb__over_a_day_after(time, other) %}epoch_us({{ time }}) > epoch_us({{ other }}) + 86400000000{% endmacro %}

{% macro split_text(text, separator) %}{{ return(adapter.dispatch('split_text')(text, separator)) }}{% endmacro %}
{% macro default__split_text(text, separator) %}split({{ text }}, concat('\\\\Q', {{ separator }}, '\\\\E')){% endmacro %}
{% macro duckdb__split_text(text, separator) %}string_split({{ text }}, {{ separator }}){% endmacro %}

{% macro joined(text) %}{{ return(adapter.dispatch('joined')(text)) }}{% endmacro %}
{% macro default__joined(text) %}array_join(array_sort(collect_set({{ text }})), ', '){% endmacro %}
{% macro duckdb__joined(text) %}string_agg(distinct {{ text }}, ', ' order by {{ text }}){% endmacro %}

{# Marks of a CTE that is read more than once, where the engine's own choice is the dearer one. #}
{% macro read_anew() %}{{ return(adapter.dispatch('read_anew')()) }}{% endmacro %}
{% macro default__read_anew() %}{% endmacro %}
{% macro duckdb__read_anew() %}not materialized{% endmacro %}

{% macro read_once() %}{{ return(adapter.dispatch('read_once')()) }}{% endmacro %}
{% macro default__read_once() %}{% endmacro %}
{% macro duckdb__read_once() %}materialized{% endmacro %}
