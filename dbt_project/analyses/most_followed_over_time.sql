with accounts as (

    select * from {{ ref('fct_organization_snapshots') }}

),

-- Who leads now is shown at every snapshot.
leaders as (

    select handle
    from accounts
    where
        snapshot_date = (select max(latest.snapshot_date) from accounts as latest)
        and followers_count > 0
    order by followers_count desc, handle asc
    limit 10

),

final as (

    select
        accounts.snapshot_date,
        accounts.handle,
        accounts.organization,
        accounts.followers_count
    from accounts
    inner join leaders on accounts.handle = leaders.handle
    where accounts.followers_count > 0
    order by accounts.snapshot_date asc, accounts.followers_count desc, accounts.handle asc

)

select * from final
