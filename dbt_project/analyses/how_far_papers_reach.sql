with papers as (

    select * from {{ ref('fct_papers') }}

),

links as (

    select * from {{ ref('fct_ecosystem_links') }}

),

of_snapshot as (

    select
        snapshot_date,
        paper_id
    from papers
    where snapshot_date = (select max(latest.snapshot_date) from papers as latest)

),

models as (

    select
        snapshot_date,
        from_id as paper_id,
        to_id as model_id
    from links
    where link_type = 'paper_model'

),

derivatives as (

    select
        models.paper_id,
        models.snapshot_date,
        links.to_id as derivative_id
    from models
    inner join links
        on
            models.snapshot_date = links.snapshot_date
            and models.model_id = links.from_id
    where links.link_type = 'model_derivative'

),

spaces as (

    select
        derivatives.paper_id,
        derivatives.snapshot_date
    from derivatives
    inner join links
        on
            derivatives.snapshot_date = links.snapshot_date
            and derivatives.derivative_id = links.from_id
    where links.link_type = 'model_space'

),

steps as (

    select
        1 as step,
        'papers on the daily pages' as reached,
        count(*) as papers_count
    from of_snapshot
    union all
    select
        2 as step,
        'whose tag a model carries' as reached,
        count(distinct of_snapshot.paper_id) as papers_count
    from of_snapshot
    inner join models
        on
            of_snapshot.snapshot_date = models.snapshot_date
            and of_snapshot.paper_id = models.paper_id
    union all
    select
        3 as step,
        'one of whose models has a derivative' as reached,
        count(distinct of_snapshot.paper_id) as papers_count
    from of_snapshot
    inner join derivatives
        on
            of_snapshot.snapshot_date = derivatives.snapshot_date
            and of_snapshot.paper_id = derivatives.paper_id
    union all
    select
        4 as step,
        'one of whose derivatives a Space uses' as reached,
        count(distinct of_snapshot.paper_id) as papers_count
    from of_snapshot
    inner join spaces
        on
            of_snapshot.snapshot_date = spaces.snapshot_date
            and of_snapshot.paper_id = spaces.paper_id

),

final as (

    select
        step,
        reached,
        papers_count,
        papers_count / nullif(cast(max(papers_count) over () as double), 0) as papers_share
    from steps
    order by step

)

select * from final
