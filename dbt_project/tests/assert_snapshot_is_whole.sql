{{ config(meta={'dagster': {'ref': {'name': 'stg_hub__snapshots'}}}) }}
with snapshots as (

    select * from {{ ref('stg_hub__snapshots') }}

),

tables as (

    {% for table_name in ['models', 'datasets', 'spaces', 'organizations', 'daily_papers'] -%}
    select '{{ table_name }}' as table_name
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

judged as (

    select
        tables.table_name,
        case
            when snapshots.table_name is null then 'is missing from the snapshot: pull it before building'
            when not snapshots.is_complete then 'was not crawled to its end: pull it again'
        end as problem
    from tables
    left join snapshots on tables.table_name = snapshots.table_name

),

final as (

    select * from judged
    where problem is not null

)

select * from final
