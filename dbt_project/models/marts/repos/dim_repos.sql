{{ config(materialized='view') }}
-- A view: the rows are those of int_repos, and writing millions of them twice takes as long as making them.
with snapshots as (

    select * from {{ ref('stg_hub__snapshots') }}

),

repos as (

    select * from {{ ref('int_repos') }}

),

snapshot as (

    select max(snapshot_date) as snapshot_date from snapshots

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
        repos.is_synthetic
    from repos
    cross join snapshot

)

select * from final
