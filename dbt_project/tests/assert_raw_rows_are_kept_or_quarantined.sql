{{ config(meta={'dagster': {'ref': {'name': 'quarantine'}}}) }}
with tables as (

    {% for table_name in ['models', 'datasets', 'spaces', 'organizations', 'daily_papers'] -%}
    select '{{ table_name }}' as table_name, count(*) as kept_count from {{ ref('stg_hub__' ~ table_name) }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

snapshots as (

    select * from {{ ref('stg_hub__snapshots') }}

),

quarantined as (

    select table_name, sum(rows_count) as quarantined_count from {{ ref('quarantine') }}
    group by table_name

),

final as (

    select tables.table_name, snapshots.rows_count, tables.kept_count, quarantined.quarantined_count
    from tables
    left join snapshots on tables.table_name = snapshots.table_name
    left join quarantined on tables.table_name = quarantined.table_name
    where
        coalesce(snapshots.rows_count, -1) <> tables.kept_count + coalesce(quarantined.quarantined_count, 0)

)

select * from final
