{# The lineage graph: its closure, and the subjects that derivatives are counted for. #}

{% macro relations() %}{{ return(['finetune', 'adapter', 'quantized', 'merge']) }}{% endmacro %}

{% macro relation_bits() %}
    {%- set bits = {'all': 2 ** (relations() | length + 1) - 1} -%}
    {%- for relation in relations() -%}
        {%- do bits.update({relation: 2 ** loop.index0}) -%}
    {%- endfor -%}
    {{- return(bits) -}}
{% endmacro %}

{% macro relation_bit(relation) %}
    case {{ relation }}
        {%- for name in relations() %}
        when '{{ name }}' then {{ relation_bits()[name] }}
        {%- endfor %}
        else {{ 2 ** (relations() | length) }}
    end
{%- endmacro %}

{% macro lineage_closure(parents) %}{{ return(adapter.dispatch('lineage_closure')(parents)) }}{% endmacro %}

{% macro default__lineage_closure(parents) %}
    {{ exceptions.raise_compiler_error(
        'The closure of the lineage is written for DuckDB only: add ' ~ target.type ~ '__lineage_closure to macros/lineage.sql.'
    ) }}
{% endmacro %}

{% macro duckdb__lineage_closure(parents) %}
    {#-
        All (ancestor_id, descendant_id, min_depth) over `parents` (parent_id, child_id), which holds no self-loops.
        A keyed recursion keeps the least depth of each pair, so it ends on cycles and lists no paths.
    -#}
    with recursive pairs(ancestor_id, descendant_id, min_depth) using key (ancestor_id, descendant_id, min(min_depth)) as (

        select parent_id, child_id, 1 from {{ parents }}
        union
        select pairs.ancestor_id, steps.child_id, pairs.min_depth + 1
        from pairs
        inner join {{ parents }} as steps on pairs.descendant_id = steps.parent_id
        where steps.child_id <> pairs.ancestor_id

    )

    select ancestor_id, descendant_id, cast(min_depth as integer) as min_depth from pairs
{%- endmacro %}

{% macro subjects_of(relation, key) %}
    select {{ key }}, 'model' as subject_type, repo_id as subject from {{ relation }}
    {%- for subject_type in ['handle', 'organization', 'company', 'country'] %}
    union all
    select {{ key }}, '{{ subject_type }}' as subject_type, {{ subject_type }} as subject
    from {{ relation }}
    where {{ subject_type }} is not null
    {%- endfor %}
    union all
    select distinct {{ relation }}.{{ key }}, 'family' as subject_type, families.family as subject
    from {{ relation }}
    inner join families on lower({{ relation }}.handle) = lower(families.root_handle)
    where
        {{ matches('lower(' ~ relation ~ '.repo_id)', 'families.name_pattern') }}
        or {{ matches("split_part(lower(" ~ relation ~ ".repo_id), '/', 2)", 'families.name_pattern') }}
{%- endmacro %}

{% macro family_patterns() %}
    {%- set patterns = [] -%}
    {%- if execute -%}
        {%- set seed = adapter.get_relation(target.database, target.schema, 'registry_families') -%}
        {%- if seed is not none -%}
            {%- for row in run_query('select distinct family, name_pattern, except_pattern from ' ~ seed ~ ' order by all').rows -%}
                {%- do patterns.append([row[0] | replace("'", "''"), row[1] | replace("'", "''"), row[2] | default('', true) | replace("'", "''")]) -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endif -%}
    {{- return(patterns) -}}
{% endmacro %}

{% macro matches_any(text, patterns) %}{{ matches(text, "'(" ~ patterns | map(attribute=1) | join(')|(') ~ ")'") }}{% endmacro %}

{% macro family_matches(relation, key, text) %}
    {%- set patterns = family_patterns() %}
    {%- if patterns %}
    select distinct family, {{ key }}
    from (
        select
            {{ key }},
            {%- set fives %}
            concat(
                {%- for five in patterns | batch(5) %}
                case when {{ matches_any(text, five) }} then concat(
                    {%- for family, pattern, exception in five %}
                    case
                        when
                            {{ matches(text, "'" ~ pattern ~ "'") }}
                            {%- if exception %}
                            and not {{ matches(text, "'" ~ exception ~ "'") }}
                            {%- endif %}
                            then '{{ family }}|'
                        else ''
                    end
                    {%- if not loop.last %},{% endif %}
                    {%- endfor %}
                ) else '' end
                {%- if not loop.last %},{% endif %}
                {%- endfor %}
            )
            {%- endset %}
            {{ explode(split_text(fives, "'|'")) }} as family
        from {{ relation }}
        where {{ matches_any(text, patterns) }}
    ) as matched
    where family <> ''
    {%- else %}
    select distinct families.family, {{ relation }}.{{ key }}
    from {{ relation }}
    inner join families
        on
            {{ matches(relation ~ '.' ~ text, 'families.name_pattern') }}
            and not coalesce({{ matches(relation ~ '.' ~ text, 'families.except_pattern') }}, false)
    {%- endif %}
{%- endmacro %}

{% macro derivative_definitions() %}
    {{- return(
        ['edges', 'direct', 'direct_external', 'transitive', 'transitive_external', 'fractional', 'declared', 'tagged']
    ) -}}
{% endmacro %}

{% macro derivative_thresholds() %}
    {{- return([100, 1000, 10000, 100000]) -}}
{% endmacro %}
