{{ config(materialized='view') }}
-- A view: the rows are those of int_repos, and writing millions of them twice takes as long as making them.
with snapshots as (

    select * from {{ ref('stg_hub__snapshots') }}

),

repos as (

    select * from {{ ref('int_repos') }}

),

snapshot as (

    select
        max(snapshot_date) as snapshot_date,
        bool_or(is_sample and table_name = 'models') as are_models_sampled,
        bool_or(is_sample and table_name = 'datasets') as are_datasets_sampled,
        bool_or(is_sample and table_name = 'spaces') as are_spaces_sampled
    from snapshots

),

final as (

    select
        snapshot.snapshot_date,
        repos.repo_type,
        repos.repo_key,
        repos.repo_id,
        repos.handle,
        repos.created_at,
        repos.is_legacy_import,
        repos.last_modified_at,
        repos.downloads_30d,
        repos.downloads_all_time,
        repos.likes,
        repos.pipeline_tag,
        repos.modality,
        repos.stored_parameters_count,
        repos.parameters_count,
        repos.parameters_source,
        repos.size_class,
        repos.licence,
        repos.has_several_licences,
        repos.licence_class,
        repos.observed_at,
        repos.is_synthetic,
        case repos.repo_type
            when 'model' then snapshot.are_models_sampled
            when 'dataset' then snapshot.are_datasets_sampled
            else snapshot.are_spaces_sampled
        end as is_sample
    from repos
    cross join snapshot

)

select * from final
