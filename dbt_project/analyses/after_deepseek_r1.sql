with windows as (

    select * from {{ ref('fct_milestone_windows') }}

),

final as (

    select
        metric,
        value_before,
        value_after,
        ratio,
        is_complete
    from windows
    where
        snapshot_date = (select max(latest.snapshot_date) from windows as latest)
        and milestone_id = '2025-01-20-deepseek-r1'
        and window_days = 90
    order by metric

)

select * from final
