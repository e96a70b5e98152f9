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

overviews as (

    select * from {{ ref('stg_hub__organizations') }}

),

derivative_counts as (

    select * from {{ ref('fct_derivative_counts') }}

),

papers as (

    select * from {{ ref('fct_papers') }}

),

snapshot as (

    select
        max(snapshot_date) as snapshot_date,
        bool_or(is_synthetic and table_name in ('models', 'datasets', 'organizations', 'daily_papers')) as is_synthetic,
        {{- observed_flags() }}
    from snapshots

),

repos as (

    select handle, downloads_30d from models
    union all
    select handle, downloads_30d from datasets

),

downloads as (

    select lower(handle) as handle_key, sum(downloads_30d) as downloads_30d from repos
    where handle is not null
    group by lower(handle)

),

derivatives as (

    select derivative_counts.subject as handle, derivative_counts.value as derivatives_direct_external
    from derivative_counts
    inner join snapshot on derivative_counts.snapshot_date = snapshot.snapshot_date
    where
        derivative_counts.subject_type = 'handle'
        and derivative_counts.relation = 'all'
        and derivative_counts.definition = 'direct_external'

),

paper_counts as (

    select handle, count(*) as papers_count from papers
    where handle is not null
    group by handle

),

measured as (

    select
        handles.handle,
        handles.is_in_registry,
        -- Without a repo zero is measured; with repos whose counter nobody saw, nothing is.
        case
            when not snapshot.are_datasets_observed then null
            when downloads.handle_key is null then 0
            else downloads.downloads_30d
        end as downloads_30d,
        overviews.followers_count,
        coalesce(derivatives.derivatives_direct_external, 0) as derivatives_direct_external,
        case when snapshot.are_daily_papers_observed then coalesce(paper_counts.papers_count, 0) end as papers_count
    from handles
    cross join snapshot
    left join downloads on handles.handle_key = downloads.handle_key
    left join overviews on handles.handle_key = overviews.handle_key
    left join derivatives on handles.handle = derivatives.handle
    left join paper_counts on handles.handle = paper_counts.handle

),

ranked as (

    select
        handle,
        is_in_registry,
        downloads_30d,
        followers_count,
        derivatives_direct_external,
        papers_count,
        rank() over (order by nullif(downloads_30d, 0) desc nulls last) as downloads_30d_place,
        rank() over (order by nullif(followers_count, 0) desc nulls last) as followers_count_place,
        rank() over (order by nullif(derivatives_direct_external, 0) desc nulls last)
            as derivatives_direct_external_place,
        rank() over (order by nullif(papers_count, 0) desc nulls last) as papers_count_place
    from measured

),

placed as (

    select
        handle,
        is_in_registry,
        downloads_30d,
        followers_count,
        derivatives_direct_external,
        papers_count,
        case when downloads_30d > 0 and downloads_30d_place <= 500 then downloads_30d_place end as downloads_30d_rank,
        case when followers_count > 0 and followers_count_place <= 500 then followers_count_place end as followers_rank,
        case
            when derivatives_direct_external > 0 and derivatives_direct_external_place <= 500
                then derivatives_direct_external_place
        end as derivatives_direct_external_rank,
        case when papers_count > 0 and papers_count_place <= 500 then papers_count_place end as papers_rank
    from ranked

),

final as (

    select
        snapshot.snapshot_date,
        placed.handle,
        cast(placed.downloads_30d as bigint) as downloads_30d,
        placed.downloads_30d_rank,
        placed.followers_count,
        placed.followers_rank,
        cast(placed.derivatives_direct_external as bigint) as derivatives_direct_external,
        placed.derivatives_direct_external_rank,
        placed.papers_count,
        placed.papers_rank,
        snapshot.is_synthetic
    from placed
    cross join snapshot
    where
        not placed.is_in_registry
        and coalesce(
            placed.downloads_30d_rank,
            placed.followers_rank,
            placed.derivatives_direct_external_rank,
            placed.papers_rank
        ) is not null

)

select * from final
