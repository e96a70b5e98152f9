with accounts as (

    select * from {{ ref('fct_organization_snapshots') }}

),

-- Who follows two accounts of a company is one person, so a company ranks by its most followed account.
followed as (

    select
        *,
        coalesce(company, organization) as company_name,
        row_number() over (
            partition by coalesce(company, organization) order by followers_count desc, handle asc
        ) as turn
    from accounts
    where
        snapshot_date = (select max(latest.snapshot_date) from accounts as latest)
        and followers_count > 0

),

companies as (

    select
        company_name as company,
        max(followers_count) as followers_count,
        max(handle) filter (where turn = 1) as account,
        max(country) filter (where turn = 1) as country,
        string_agg(concat(handle, ' ', followers_count), ', ' order by turn) as accounts,
        max(is_followers_synthetic) as is_followers_synthetic
    from followed
    group by company_name

),

final as (

    select
        dense_rank() over (order by followers_count desc) as company_rank,
        company,
        account,
        followers_count,
        country,
        accounts,
        is_followers_synthetic
    from companies
    order by company_rank, company
    limit 20

)

select * from final
