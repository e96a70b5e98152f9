with snapshots as (

    select * from {{ ref('stg_hub__snapshots') }}

),

papers as (

    select * from {{ ref('fct_papers') }}

),

paper_repos as (

    select * from {{ ref('int_paper_repos') }}

),

named_repos as (

    select * from {{ ref('int_named_repos') }}

),

edges as (

    select * from {{ ref('int_lineage_edges') }}

),

models as (

    select * from {{ ref('stg_hub__models') }}

),

datasets as (

    select * from {{ ref('stg_hub__datasets') }}

),

spaces as (

    select * from {{ ref('stg_hub__spaces') }}

),

types as (

    select
        max(snapshot_date) as snapshot_date,
        bool_or(is_synthetic and table_name = 'models') as is_model_synthetic,
        bool_or(is_synthetic and table_name = 'datasets') as is_dataset_synthetic,
        bool_or(is_synthetic and table_name = 'spaces') as is_space_synthetic,
        bool_or(is_synthetic and table_name = 'daily_papers') as is_paper_synthetic
    from snapshots

),

repos as (

    select 'model' as repo_type, repo_key, repo_id from models
    union all
    select 'dataset' as repo_type, repo_key, repo_id from datasets
    union all
    select 'space' as repo_type, repo_key, repo_id from spaces

),

paper_links as (

    select distinct
        'paper' as from_type,
        paper_repos.paper_id as from_id,
        repos.repo_type as to_type,
        repos.repo_id as to_id,
        'none' as relation,
        'arxiv tag' as evidence
    from paper_repos
    inner join papers on paper_repos.paper_id = papers.paper_id
    inner join repos on paper_repos.repo_type = repos.repo_type and paper_repos.repo_key = repos.repo_key

),

-- Two repositories may bear one id while the Hub is listed: a link is between ids, and stands once.
derivative_links as (

    select
        'model' as from_type,
        parent_repo_id as from_id,
        'model' as to_type,
        child_repo_id as to_id,
        relation,
        min(case when relation_source = 'hub' then 'hub base models' else 'base_model tag' end) as evidence
    from edges
    where is_counted
    group by parent_repo_id, child_repo_id, relation

),

-- What is named comes before what names it.
use_links as (

    select
        named_type as from_type,
        named_repo_id as from_id,
        from_type as to_type,
        from_id as to_id,
        'none' as relation,
        case when from_type = 'space' then 'space declares' else 'dataset tag' end as evidence
    from named_repos

),

links as (

    select *, concat(from_type, '_', to_type) as link_type from paper_links
    union all
    select *, 'model_derivative' as link_type from derivative_links
    union all
    select *, concat(from_type, '_', to_type) as link_type from use_links

),

final as (

    select
        types.snapshot_date,
        links.link_type,
        links.from_type,
        links.from_id,
        links.to_type,
        links.to_id,
        links.relation,
        links.evidence,
        (types.is_paper_synthetic and links.from_type = 'paper')
        or (types.is_model_synthetic and 'model' in (links.from_type, links.to_type))
        or (types.is_dataset_synthetic and 'dataset' in (links.from_type, links.to_type))
        or (types.is_space_synthetic and links.to_type = 'space') as is_synthetic
    from links
    cross join types

)

select * from final
