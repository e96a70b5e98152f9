{%- set columns = [
    'snapshot_date', 'repo_type', 'repo_key', 'repo_id', 'handle', 'organization', 'created_at', 'last_seen_date',
    'downloads_30d', 'downloads_all_time', 'likes', 'is_synthetic',
] -%}
with snapshots as (

    select * from {{ ref('stg_hub__snapshots') }}

),

repos as (

    select * from {{ ref('int_repos') }}

),

models as (

    select * from {{ ref('base_hub__models') }}

),

datasets as (

    select * from {{ ref('base_hub__datasets') }}

),

spaces as (

    select * from {{ ref('base_hub__spaces') }}

),

registry as (

    select * from {{ ref('int_registry') }}

),

previous_repos as (

    select * from {{ ref('stg_release__repos') }}

),

history as (

    select * from {{ ref('stg_release__tombstones') }}

),

-- What a crawl did not reach is not deleted, nor is what one of changes did not show, or what a sample leaves out.
complete_types as (

    select
        case table_name when 'models' then 'model' when 'datasets' then 'dataset' when 'spaces' then 'space' end
            as repo_type,
        snapshot_date,
        is_synthetic
    from snapshots
    where is_complete and is_full_crawl and is_observed and not is_sample

),

-- A row in quarantine still shows its repo, unless the repo is no longer public. Where one of two sources gives no key
-- of the Hub, the id has to do.
present as (

    select repo_type, repo_key, repo_id from repos
    union all
    select 'model' as repo_type, repo_key, repo_id from models
    where quarantine_rule is not null and quarantine_rule <> 'private'
    union all
    select 'dataset' as repo_type, repo_key, repo_id from datasets
    where quarantine_rule is not null and quarantine_rule <> 'private'
    union all
    select 'space' as repo_type, repo_key, repo_id from spaces
    where quarantine_rule is not null and quarantine_rule <> 'private'

),

current_rows as (

    select
        complete_types.snapshot_date,
        previous_repos.repo_type,
        previous_repos.repo_key,
        previous_repos.repo_id,
        previous_repos.handle,
        coalesce(registry.organization, previous_repos.handle) as organization,
        previous_repos.created_at,
        -- A row that an incremental day carried on was not seen on that day.
        least(previous_repos.snapshot_date, cast(previous_repos.observed_at as date)) as last_seen_date,
        previous_repos.downloads_30d,
        previous_repos.downloads_all_time,
        previous_repos.likes,
        complete_types.is_synthetic or previous_repos.is_synthetic as is_synthetic
    from previous_repos
    inner join complete_types on previous_repos.repo_type = complete_types.repo_type
    left join present
        on previous_repos.repo_type = present.repo_type and previous_repos.repo_key = present.repo_key
    left join present as present_ids
        on
            previous_repos.repo_type = present_ids.repo_type
            and previous_repos.repo_id = present_ids.repo_id
            and (previous_repos.repo_key = previous_repos.repo_id or present_ids.repo_key = present_ids.repo_id)
    left join registry on lower(previous_repos.handle) = registry.handle_key
    where present.repo_key is null and present_ids.repo_key is null

),

final as (

    select {{ columns | join(', ') }} from current_rows
    union all
    select {{ columns | join(', ') }} from history

)

select * from final
