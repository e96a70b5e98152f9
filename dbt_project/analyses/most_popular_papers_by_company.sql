with papers as (

    select * from {{ ref('fct_papers') }}

),

linked as (

    select
        *,
        coalesce(company, organization) as company_name
    from papers
    where
        snapshot_date = (select max(latest.snapshot_date) from papers as latest)
        and organization is not null

),

reach as (

    select
        min(first_daily_date) as since,
        count(*) filter (where organization is null) * 1.0 / count(*) as without_organization
    from papers
    where snapshot_date = (select max(latest.snapshot_date) from papers as latest)

),

final as (

    select
        linked.company_name as company,
        count(*) as papers,
        cast(sum(linked.upvotes) as bigint) as upvotes,
        max(linked.upvotes) as upvotes_of_best,
        arg_max(linked.title, (coalesce(linked.upvotes, 0), linked.paper_id)) as best_paper,
        string_agg(distinct linked.handle, ', ' order by linked.handle) as accounts,
        reach.since,
        reach.without_organization
    from linked
    cross join reach
    group by linked.company_name, reach.since, reach.without_organization
    order by upvotes desc nulls last, company asc
    limit 10

)

select * from final
