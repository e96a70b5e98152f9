with accounts as (

    select * from {{ ref('fct_organization_snapshots') }}

),

-- Who leads now is shown at every snapshot, each company by the account that most people follow.
companies as (

    select
        coalesce(company, organization) as company,
        arg_min(handle, (-followers_count, handle)) as handle,
        max(followers_count) as followers_count,
        string_agg(handle, ', ' order by followers_count desc, handle asc) as accounts
    from accounts
    where
        snapshot_date = (select max(latest.snapshot_date) from accounts as latest)
        and followers_count > 0
    group by coalesce(company, organization)

),

leaders as (

    select * from companies
    order by followers_count desc, company asc
    limit 10

),

final as (

    select
        accounts.snapshot_date,
        leaders.company,
        accounts.handle,
        accounts.followers_count,
        leaders.accounts
    from accounts
    inner join leaders on accounts.handle = leaders.handle
    where accounts.followers_count > 0
    order by accounts.snapshot_date asc, accounts.followers_count desc, leaders.company asc

)

select * from final
