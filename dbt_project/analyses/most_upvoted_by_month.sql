with papers as (

    select * from {{ ref('fct_organization_papers_monthly') }}

),

-- A company's accounts together; of equals the name decides, so that the answer is the same every time.
months as (

    select
        month,
        coalesce(company, organization) as company,
        sum(upvotes) as votes,
        min(is_month_complete) as is_whole,
        max(unlinked_papers_share) as unlinked_share,
        row_number() over (
            partition by month order by sum(upvotes) desc nulls last, coalesce(company, organization) asc
        ) as place
    from papers
    where snapshot_date = (select max(latest.snapshot_date) from papers as latest)
    group by month, coalesce(company, organization)

),

final as (

    select
        strftime(month, '%Y-%m') as month,
        min(is_whole) as whole_month,
        max(concat_ws(' ', company, votes)) filter (where place = 1) as first,
        max(concat_ws(' ', company, votes)) filter (where place = 2) as second,
        max(concat_ws(' ', company, votes)) filter (where place = 3) as third,
        max(unlinked_share) as without_organization
    from months
    group by months.month
    order by months.month desc
    limit 12

)

select * from final
