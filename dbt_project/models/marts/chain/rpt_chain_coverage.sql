with snapshots as (

    select * from {{ ref('stg_hub__snapshots') }}

),

handles as (

    select * from {{ ref('int_handles') }}

),

links as {{ read_anew() }} (

    select * from {{ ref('fct_ecosystem_links') }}

),

papers as (

    select * from {{ ref('fct_papers') }}

),

models as (

    select * from {{ ref('int_models') }}

),

edges as {{ read_anew() }} (

    select * from {{ ref('int_lineage_edges') }}

),

datasets as (

    select * from {{ ref('stg_hub__datasets') }}

),

snapshot as (

    select
        max(snapshot_date) as snapshot_date,
        bool_or(is_synthetic) as is_synthetic,
        {{- observed_flags() }}
    from snapshots
    where table_name <> 'organizations'

),

-- All who are not in the registry stand together.
groups as (

    select handle_key, organization from handles
    where is_in_registry

),

companies as (

    select organization, max(company) as company from handles
    where is_in_registry
    group by organization

),

-- Links are between ids, and an id is that of one repository or, while the Hub is listed, of two.
link_ends as (

    select
        'papers' as chain_end,
        from_id as id
    from links
    where link_type = 'paper_model'
    union
    select 'datasets' as chain_end, from_id as id from links
    where link_type = 'dataset_model'
    union
    select 'derivatives' as chain_end, from_id as id from links
    where link_type = 'model_space'

),

paper_counts as (

    select
        coalesce(groups.organization, 'unattributed') as organization,
        count(*) as papers_count,
        count(link_ends.id) as papers_with_models_count
    from papers
    left join groups on lower(papers.handle) = groups.handle_key
    left join link_ends on papers.paper_id = link_ends.id and link_ends.chain_end = 'papers'
    group by coalesce(groups.organization, 'unattributed')

),

placed_models as (

    select models.model_id, models.repo_id, coalesce(groups.organization, 'unattributed') as organization
    from models
    left join groups on lower(models.handle) = groups.handle_key

),

parents as (

    select distinct parent_id from edges
    where is_counted

),

model_counts as (

    select
        placed_models.organization,
        count(*) as models_count,
        count(parents.parent_id) as models_with_derivatives_count
    from placed_models
    left join parents on placed_models.model_id = parents.parent_id
    group by placed_models.organization

),

derivatives as (

    select distinct placed_models.organization, edges.child_id, edges.child_repo_id
    from edges
    inner join placed_models on edges.parent_id = placed_models.model_id
    where edges.is_counted

),

derivative_counts as (

    select
        derivatives.organization,
        count(*) as derivatives_count,
        count(link_ends.id) as derivatives_with_spaces_count
    from derivatives
    left join link_ends on derivatives.child_repo_id = link_ends.id and link_ends.chain_end = 'derivatives'
    group by derivatives.organization

),

dataset_counts as (

    select
        coalesce(groups.organization, 'unattributed') as organization,
        count(*) as datasets_count,
        count(link_ends.id) as datasets_with_models_count
    from datasets
    left join groups on lower(datasets.handle) = groups.handle_key
    left join link_ends on datasets.repo_id = link_ends.id and link_ends.chain_end = 'datasets'
    group by coalesce(groups.organization, 'unattributed')

),

space_counts as (

    select placed_models.organization, count(distinct links.to_id) as spaces_count
    from links
    inner join placed_models on links.from_id = placed_models.repo_id
    where links.link_type = 'model_space'
    group by placed_models.organization

),

organizations as (

    select organization from paper_counts
    union
    select organization from model_counts
    union
    select organization from dataset_counts
    union
    select 'unattributed' as organization

),

final as (

    select
        snapshot.snapshot_date,
        organizations.organization,
        companies.company,
        cast(case when snapshot.are_daily_papers_observed then coalesce(paper_counts.papers_count, 0) end as bigint)
            as papers_count,
        cast(
            case when snapshot.are_daily_papers_observed then coalesce(paper_counts.papers_with_models_count, 0) end
            as bigint
        ) as papers_with_models_count,
        cast(coalesce(model_counts.models_count, 0) as bigint) as models_count,
        cast(coalesce(model_counts.models_with_derivatives_count, 0) as bigint) as models_with_derivatives_count,
        cast(coalesce(derivative_counts.derivatives_count, 0) as bigint) as derivatives_count,
        cast(
            case when snapshot.are_spaces_observed then coalesce(derivative_counts.derivatives_with_spaces_count, 0) end
            as bigint
        ) as derivatives_with_spaces_count,
        cast(case when snapshot.are_datasets_observed then coalesce(dataset_counts.datasets_count, 0) end as bigint)
            as datasets_count,
        cast(
            case when snapshot.are_datasets_observed then coalesce(dataset_counts.datasets_with_models_count, 0) end
            as bigint
        ) as datasets_with_models_count,
        cast(case when snapshot.are_spaces_observed then coalesce(space_counts.spaces_count, 0) end as bigint)
            as spaces_count,
        snapshot.is_synthetic
    from organizations
    cross join snapshot
    left join companies on organizations.organization = companies.organization
    left join paper_counts on organizations.organization = paper_counts.organization
    left join model_counts on organizations.organization = model_counts.organization
    left join derivative_counts on organizations.organization = derivative_counts.organization
    left join dataset_counts on organizations.organization = dataset_counts.organization
    left join space_counts on organizations.organization = space_counts.organization

)

select * from final
