{#- Named on both sides of the union with history, whose columns are in the order of the contract. -#}
{%- set columns = [
    'snapshot_date', 'handle', 'organization', 'company', 'country', 'category', 'is_in_registry',
    'followers_count', 'members_count', 'is_verified', 'models_count', 'datasets_count', 'spaces_count',
    'downloads_30d', 'downloads_all_time', 'likes',
    'derivatives_direct', 'derivatives_direct_external', 'derivatives_transitive', 'papers_count', 'papers_upvotes',
    'followers_rank', 'downloads_30d_rank', 'likes_rank', 'derivatives_direct_external_rank',
    'is_synthetic', 'is_followers_synthetic',
] + (changes_over_time() | map(attribute='name') | list) -%}
with snapshots as (

    select * from {{ ref('stg_hub__snapshots') }}

),

handles as (

    select * from {{ ref('int_handles') }}

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

overviews as (

    select * from {{ ref('stg_hub__organizations') }}

),

papers as (

    select * from {{ ref('fct_papers') }}

),

derivative_counts as (

    select * from {{ ref('fct_derivative_counts') }}

),

history as (

    select * from {{ ref('stg_release__organization_snapshots') }}

),

snapshot as (

    select
        max(snapshot_date) as snapshot_date,
        bool_or(is_synthetic) as is_synthetic,
        bool_or(is_synthetic and table_name = 'organizations') as is_followers_synthetic,
        {{- observed_flags() }}
    from snapshots

),

repos as (

    select 'model' as repo_type, handle, downloads_30d, downloads_all_time, likes from models
    union all
    select 'dataset' as repo_type, handle, downloads_30d, downloads_all_time, likes from datasets
    union all
    select 'space' as repo_type, handle, null as downloads_30d, null as downloads_all_time, likes from spaces

),

repo_counts as (

    select
        lower(handle) as handle_key,
        count(case when repo_type = 'model' then 1 end) as models_count,
        count(case when repo_type = 'dataset' then 1 end) as datasets_count,
        count(case when repo_type = 'space' then 1 end) as spaces_count,
        count(case when repo_type <> 'space' then 1 end) as downloadable_count,
        sum(downloads_30d) as downloads_30d,
        sum(downloads_all_time) as downloads_all_time,
        sum(likes) as likes
    from repos
    where handle is not null
    group by lower(handle)

),

paper_counts as (

    select lower(handle) as handle_key, count(*) as papers_count, sum(upvotes) as papers_upvotes
    from papers
    where handle is not null
    group by lower(handle)

),

derivatives as (

    select
        derivative_counts.subject as handle,
        max(case when derivative_counts.definition = 'direct' then derivative_counts.value end) as derivatives_direct,
        max(case when derivative_counts.definition = 'direct_external' then derivative_counts.value end)
            as derivatives_direct_external,
        max(case when derivative_counts.definition = 'transitive' then derivative_counts.value end)
            as derivatives_transitive
    from derivative_counts
    inner join snapshot on derivative_counts.snapshot_date = snapshot.snapshot_date
    where derivative_counts.subject_type = 'handle' and derivative_counts.relation = 'all'
    group by derivative_counts.subject

),

measured as (

    select
        snapshot.snapshot_date,
        handles.handle,
        handles.organization,
        handles.company,
        handles.country,
        handles.category,
        handles.is_in_registry,
        overviews.followers_count,
        overviews.members_count,
        overviews.is_verified,
        coalesce(repo_counts.models_count, 0) as models_count,
        case when snapshot.are_datasets_observed then coalesce(repo_counts.datasets_count, 0) end as datasets_count,
        case when snapshot.are_spaces_observed then coalesce(repo_counts.spaces_count, 0) end as spaces_count,
        -- Without a repo to download, zero is measured; with repos whose counter nobody saw, nothing is.
        case
            when not snapshot.are_datasets_observed then null
            when coalesce(repo_counts.downloadable_count, 0) = 0 then 0
            else repo_counts.downloads_30d
        end as downloads_30d,
        case
            when not snapshot.are_datasets_observed then null
            when coalesce(repo_counts.downloadable_count, 0) = 0 then 0
            else repo_counts.downloads_all_time
        end as downloads_all_time,
        case
            when not (snapshot.are_datasets_observed and snapshot.are_spaces_observed) then null
            when repo_counts.handle_key is null then 0
            else repo_counts.likes
        end as likes,
        coalesce(derivatives.derivatives_direct, 0) as derivatives_direct,
        coalesce(derivatives.derivatives_direct_external, 0) as derivatives_direct_external,
        coalesce(derivatives.derivatives_transitive, 0) as derivatives_transitive,
        case when snapshot.are_daily_papers_observed then coalesce(paper_counts.papers_count, 0) end as papers_count,
        case
            when not snapshot.are_daily_papers_observed then null
            when paper_counts.handle_key is null then 0
            else paper_counts.papers_upvotes
        end as papers_upvotes,
        snapshot.is_synthetic,
        snapshot.is_followers_synthetic
    from handles
    cross join snapshot
    left join overviews on handles.handle_key = overviews.handle_key
    left join repo_counts on handles.handle_key = repo_counts.handle_key
    left join paper_counts on handles.handle_key = paper_counts.handle_key
    left join derivatives on handles.handle = derivatives.handle
    where
        overviews.handle_key is not null
        or (handles.is_in_registry and (repo_counts.handle_key is not null or paper_counts.handle_key is not null))

),

ranked as (

    select
        snapshot_date,
        handle,
        organization,
        company,
        country,
        category,
        is_in_registry,
        followers_count,
        members_count,
        is_verified,
        cast(models_count as bigint) as models_count,
        cast(datasets_count as bigint) as datasets_count,
        cast(spaces_count as bigint) as spaces_count,
        cast(downloads_30d as bigint) as downloads_30d,
        cast(downloads_all_time as bigint) as downloads_all_time,
        cast(likes as bigint) as likes,
        cast(derivatives_direct as bigint) as derivatives_direct,
        cast(derivatives_direct_external as bigint) as derivatives_direct_external,
        cast(derivatives_transitive as bigint) as derivatives_transitive,
        cast(papers_count as bigint) as papers_count,
        cast(papers_upvotes as bigint) as papers_upvotes,
        {{ rank_where_known('followers_count') }} as followers_rank,
        {{ rank_where_known('downloads_30d') }} as downloads_30d_rank,
        {{ rank_where_known('likes') }} as likes_rank,
        {{ rank_where_known('derivatives_direct_external') }} as derivatives_direct_external_rank,
        is_synthetic,
        is_followers_synthetic
    from measured

),

windows as (

    {% for days in change_windows() -%}
    select {{ days }} as window_days
    {%- if not loop.last %} union all{% endif %}
    {% endfor %}

),

-- A window is covered by the last snapshot that is at least as old as the window and less than twice as old.
covered as (

    select
        ranked.handle,
        windows.window_days,
        max(history.snapshot_date) as earlier_date
    from ranked
    inner join history on lower(ranked.handle) = lower(history.handle)
    inner join windows
        on
            {{ days_between('history.snapshot_date', 'ranked.snapshot_date') }} >= windows.window_days
            and {{ days_between('history.snapshot_date', 'ranked.snapshot_date') }} < 2 * windows.window_days
    group by ranked.handle, windows.window_days

),

changes as (

    select
        ranked.handle,
        {% for change in changes_over_time() -%}
        max(case when covered.window_days = {{ change.days }} then {{ change.difference }} end) as {{ change.name }}
        {%- if not loop.last %},{% endif %}
        {% endfor %}
    from ranked
    inner join covered on ranked.handle = covered.handle
    inner join history
        on lower(covered.handle) = lower(history.handle) and covered.earlier_date = history.snapshot_date
    group by ranked.handle

),

current_rows as (

    select
        ranked.*,
        {% for change in changes_over_time() -%}
        changes.{{ change.name }}
        {%- if not loop.last %},{% endif %}
        {% endfor %}
    from ranked
    left join changes on ranked.handle = changes.handle

),

final as (

    select {{ columns | join(', ') }} from current_rows
    union all
    select {{ columns | join(', ') }} from history

)

select * from final
