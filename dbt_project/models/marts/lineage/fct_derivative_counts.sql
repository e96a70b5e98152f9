{{ config(materialized='view') }}
-- A view, since a row for each number takes longer to write than to read from a table with a column for each of them.
with snapshots as (

    select * from {{ ref('stg_hub__snapshots') }}

),

counted as (

    select * from {{ ref('int_derivative_counts') }}

),

history as (

    select * from {{ ref('int_past_derivative_counts') }}

),

definitions as (

    {% for definition in derivative_definitions() -%}
    select '{{ definition }}' as definition
    {%- if not loop.last %} union all{% endif %}
    {% endfor %}

),

current_rows as (

    select
        snapshots.snapshot_date,
        counted.subject_type,
        counted.subject,
        counted.relation,
        definitions.definition,
        case definitions.definition
            {%- for definition in derivative_definitions() %}
            when '{{ definition }}' then counted.{{ definition }}
            {%- endfor %}
        end as value,
        counted.is_in_registry,
        snapshots.is_synthetic
    from counted
    cross join definitions
    inner join snapshots on snapshots.table_name = 'models'
    where definitions.definition <> 'tagged' or counted.tagged is not null

),

final as (

    select
        snapshot_date,
        subject_type,
        subject,
        relation,
        definition,
        value,
        is_in_registry,
        is_synthetic
    from current_rows
    union all
    select
        snapshot_date,
        subject_type,
        subject,
        relation,
        definition,
        value,
        is_in_registry,
        is_synthetic
    from history

)

select * from final
