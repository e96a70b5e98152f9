{# The generic tests that models' YAML names besides dbt's own four, and one of these that tells more. #}

{% test unique_combination(model, columns) %}
    select {{ columns | join(', ') }}, count(*) as rows_count
    from {{ model }}
    where
        {{ row_hash(columns) }} in (
            select row_hash from (select {{ row_hash(columns) }} as row_hash from {{ model }}) as hashes
            group by row_hash
            having count(*) > 1
        )
        or {{ columns | join(' is null or ') }} is null
    group by {{ columns | join(', ') }}
    having count(*) > 1 or {{ columns | join(' is null or ') }} is null
{% endtest %}

{% test not_empty(model) %}
    select rows_count from (select count(*) as rows_count from {{ model }}) as counted
    where rows_count = 0
{% endtest %}

{% test not_empty_if_observed(model, table_name) %}
    select rows_count from (select count(*) as rows_count from {{ model }}) as counted
    where
        rows_count = 0
        and not exists (
            select 1 from {{ ref('stg_hub__snapshots') }} as snapshots
            where snapshots.table_name = '{{ table_name }}' and not snapshots.is_observed
        )
{% endtest %}

{% test not_negative(model, column_name) %}
    select {{ column_name }} from {{ model }}
    where {{ column_name }} < 0
{% endtest %}

{% macro default__test_not_null(model, column_name) %}
    {#- dbt's own selects the missing value alone, which does not tell the rows that miss it. -#}
    select * from {{ model }}
    where {{ column_name }} is null
{% endmacro %}
