with accounts as (

    select * from {{ ref('fct_organization_snapshots') }}

),

final as (

    select
        handle,
        organization,
        company,
        country,
        followers_count,
        followers_change_30d,
        change_30d_gap_days
    from accounts
    where
        snapshot_date = (select max(latest.snapshot_date) from accounts as latest)
        and followers_change_30d is not null
    order by followers_change_30d desc, handle asc
    limit 20

)

select * from final
