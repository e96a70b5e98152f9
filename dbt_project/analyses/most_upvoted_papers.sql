with papers as (

    select * from {{ ref('fct_papers') }}

),

links as (

    select * from {{ ref('fct_ecosystem_links') }}

),

top_papers as (

    select *
    from papers
    where snapshot_date = (select max(latest.snapshot_date) from papers as latest)
    order by upvotes desc nulls last, paper_id asc
    limit 20

),

derivatives as (

    select
        of_paper.snapshot_date,
        of_paper.from_id as paper_id,
        count(distinct of_model.to_id) as derivatives_count
    from links as of_paper
    inner join links as of_model
        on
            of_paper.snapshot_date = of_model.snapshot_date
            and of_paper.to_id = of_model.from_id
    where of_paper.link_type = 'paper_model' and of_model.link_type = 'model_derivative'
    group by of_paper.snapshot_date, of_paper.from_id

),

final as (

    select
        top_papers.paper_id,
        top_papers.title,
        top_papers.organization,
        top_papers.first_daily_date,
        top_papers.upvotes,
        top_papers.models_count,
        top_papers.datasets_count,
        top_papers.spaces_count,
        coalesce(derivatives.derivatives_count, 0) as derivatives_count
    from top_papers
    left join derivatives
        on
            top_papers.snapshot_date = derivatives.snapshot_date
            and top_papers.paper_id = derivatives.paper_id
    order by top_papers.upvotes desc nulls last, top_papers.paper_id asc

)

select * from final
