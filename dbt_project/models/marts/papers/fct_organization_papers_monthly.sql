with snapshots as (

    select * from {{ ref('stg_hub__snapshots') }}

),

papers as (

    select * from {{ ref('fct_papers') }}

),

dated as (

    select *, cast(date_trunc('month', first_daily_date) as date) as month from papers

),

months as (

    select
        month,
        count(case when handle is null then 1 end) * 1.0 / count(*) as unlinked_papers_share
    from dated
    group by month

),

pages as (

    select min(first_daily_date) as first_page_date from papers

),

ordered as (

    select
        *,
        row_number() over (
            partition by month, handle
            order by upvotes desc nulls last, paper_id asc
        ) as turn
    from dated
    where handle is not null

),

totals as (

    select
        snapshot_date,
        month,
        handle,
        organization,
        company,
        country,
        count(*) as papers_count,
        sum(upvotes) as upvotes,
        max(case when turn = 1 then paper_id end) as best_paper_id,
        max(case when turn = 1 then upvotes end) as best_paper_upvotes
    from ordered
    group by snapshot_date, month, handle, organization, company, country

),

final as (

    select
        totals.snapshot_date,
        totals.month,
        totals.handle,
        totals.organization,
        totals.company,
        totals.country,
        totals.papers_count,
        cast(totals.upvotes as bigint) as upvotes,
        totals.best_paper_id,
        totals.best_paper_upvotes,
        {{ rank_where_known('totals.papers_count', within='totals.month') }} as papers_rank,
        {{ rank_where_known('totals.upvotes', within='totals.month') }} as upvotes_rank,
        cast(months.unlinked_papers_share as double) as unlinked_papers_share,
        pages.first_page_date <= totals.month and last_day(totals.month) < totals.snapshot_date as is_month_complete,
        snapshots.is_synthetic
    from totals
    inner join snapshots on snapshots.table_name = 'daily_papers'
    inner join months on totals.month = months.month
    cross join pages

)

select * from final
