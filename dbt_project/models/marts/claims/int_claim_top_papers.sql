with claims as (

    select * from {{ ref('int_claims') }}

),

subjects as (

    select * from {{ ref('int_claim_subjects') }}

),

papers as (

    select * from {{ ref('fct_papers') }}

),

paper_claims as (

    select claim_id, period_end_date, {{ days_after('period_end_date', '-365') }} as year_before_date
    from claims
    where metric = 'papers.upvotes_share_of_top'

),

companies as (

    select distinct paper_claims.claim_id, subjects.subject as company
    from paper_claims
    inner join subjects on paper_claims.claim_id = subjects.claim_id
    where subjects.is_known

),

reach as (

    select min(first_daily_date) as first_date, max(first_daily_date) as last_date from papers

),

-- One claim or two: the join with all papers of a year does not grow.
papers_of_the_year as (

    select paper_claims.claim_id, papers.paper_id, papers.handle, papers.company, papers.upvotes
    from paper_claims
    inner join papers
        on
            paper_claims.year_before_date < papers.first_daily_date
            and paper_claims.period_end_date >= papers.first_daily_date

),

ordered as (

    select
        claim_id,
        company,
        row_number() over (partition by claim_id order by upvotes desc nulls last, paper_id asc) as turn
    from papers_of_the_year
    where handle is not null

),

top_papers as (

    select
        ordered.claim_id,
        count(*) as top_count,
        count(companies.company) as named_top_count
    from ordered
    left join companies on ordered.claim_id = companies.claim_id and ordered.company = companies.company
    where ordered.turn <= 100
    group by ordered.claim_id

),

all_papers as (

    select
        claim_id,
        count(*) as papers_count,
        count(case when handle is null then 1 end) as unlinked_papers_count
    from papers_of_the_year
    group by claim_id

),

final as (

    select
        paper_claims.claim_id,
        cast(top_papers.named_top_count as double) / top_papers.top_count as named_top_share,
        cast(all_papers.unlinked_papers_count as double) / all_papers.papers_count as unlinked_papers_share,
        coalesce(
            reach.first_date <= paper_claims.year_before_date and reach.last_date >= paper_claims.period_end_date, false
        ) as is_covered
    from paper_claims
    cross join reach
    left join top_papers on paper_claims.claim_id = top_papers.claim_id
    left join all_papers on paper_claims.claim_id = all_papers.claim_id

)

select * from final
