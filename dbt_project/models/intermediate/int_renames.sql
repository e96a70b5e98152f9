with repos as (

    select * from {{ ref('int_repo_ids') }}

),

repos_before as (

    select * from {{ ref('stg_release__repos') }}

),

snapshots as (

    select * from {{ ref('stg_hub__snapshots') }}

),

history as (

    select * from {{ ref('stg_release__renames') }}

),

snapshot as (

    select max(snapshot_date) as snapshot_date from snapshots

),

current_rows as (

    select
        snapshot.snapshot_date,
        repos.repo_type,
        repos.repo_key,
        repos_before.repo_id as former_id,
        repos.repo_id,
        repos_before.snapshot_date as previous_snapshot_date,
        repos.is_synthetic or repos_before.is_synthetic as is_synthetic
    from repos
    inner join repos_before on repos.repo_type = repos_before.repo_type and repos.repo_key = repos_before.repo_key
    cross join snapshot
    where repos.repo_id <> repos_before.repo_id

),

final as (

    select
        snapshot_date,
        repo_type,
        repo_key,
        former_id,
        repo_id,
        previous_snapshot_date,
        is_synthetic
    from current_rows
    union all
    select
        snapshot_date,
        repo_type,
        repo_key,
        former_id,
        repo_id,
        previous_snapshot_date,
        is_synthetic
    from history

)

select * from final
