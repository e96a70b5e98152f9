with windows as (

    select * from {{ ref('fct_milestone_windows') }}

),

unfounded as (

    select milestone_id, metric, window_days, 'a ratio of values that are not known, or to zero' as problem
    from windows
    where ratio is not null and (not is_complete or value_before = 0)

),

uneven as (

    select
        milestone_id,
        cast(null as varchar) as metric,
        cast(null as bigint) as window_days,
        'some metrics or windows are missing' as problem
    from windows
    group by milestone_id, handle
    having count(*) <> case when handle is null then 2 else 14 end

),

final as (

    select * from unfounded
    union all
    select * from uneven

)

select * from final
