with edges as (

    select * from {{ ref('fct_lineage_edges') }}

),

final as (

    select
        status,
        is_counted as counted,
        count(*) as edges,
        count(distinct child_key) as children
    from edges
    where snapshot_date = (select max(latest.snapshot_date) from edges as latest)
    group by status, is_counted
    order by edges desc, status asc

)

select * from final
