with papers as (

    select * from {{ ref('fct_papers') }}

),

recent as (

    select
        coalesce(company, organization) as company,
        handle,
        paper_id,
        title,
        coalesce(upvotes, 0) as upvotes
    from papers
    where
        snapshot_date = (select max(latest.snapshot_date) from papers as latest)
        and first_daily_date >= date_trunc('month', snapshot_date) - interval '12' month
        and first_daily_date < date_trunc('month', snapshot_date)

),

leaders as (

    select
        company,
        row_number() over (order by sum(upvotes) desc, company asc) as place
    from recent
    where company is not null
    group by company
    having sum(upvotes) > 0

),

-- The ten in their order, then all others, then papers that name nobody: together they are all papers.
placed as (

    select
        recent.*,
        case when recent.company is null then 12 else least(coalesce(leaders.place, 11), 11) end as place
    from recent
    left join leaders on recent.company = leaders.company

),

final as (

    select
        case place when 11 then 'other companies' when 12 then 'no organization linked' else max(company) end
            as company,
        count(*) as papers,
        cast(sum(upvotes) as bigint) as upvotes,
        max(upvotes) as upvotes_of_best,
        arg_max(title, (upvotes, paper_id)) as best_paper,
        case when place <= 10 then string_agg(distinct handle, ', ' order by handle) end as accounts
    from placed
    where exists (select 1 from leaders)
    group by place
    order by place

)

select * from final
