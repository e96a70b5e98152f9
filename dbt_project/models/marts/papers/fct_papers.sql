with snapshots as (

    select * from {{ ref('stg_hub__snapshots') }}

),

listings as (

    select * from {{ ref('stg_hub__daily_papers') }}

),

handles as (

    select * from {{ ref('int_handles') }}

),

paper_repos as (

    select * from {{ ref('int_paper_repos') }}

),

-- Papers are those of the daily pages; how many repos name one rests on the lists of repos.
snapshot as (

    select
        bool_or(is_synthetic) as is_synthetic,
        {{- observed_flags() }}
    from snapshots
    where table_name in ('daily_papers', 'models', 'datasets', 'spaces')

),

listed as (

    select
        *,
        coalesce(inner_handle, outer_handle) as linked_handle,
        case
            when inner_handle is not null then 'inner'
            when outer_handle is not null then 'outer'
        end as organization_link,
        min(daily_date) over (partition by paper_id) as first_daily_date,
        count(*) over (partition by paper_id) as daily_page_count,
        row_number() over (
            partition by paper_id
            order by observed_at desc, upvotes desc nulls last, daily_date desc
        ) as turn
    from listings

),

repo_counts as (

    select
        paper_id,
        count(case when repo_type = 'model' then 1 end) as models_count,
        count(case when repo_type = 'dataset' then 1 end) as datasets_count,
        count(case when repo_type = 'space' then 1 end) as spaces_count
    from paper_repos
    group by paper_id

),

final as (

    select
        listed.snapshot_date,
        listed.paper_id,
        listed.title,
        listed.published_at,
        listed.submitted_on_daily_at,
        listed.first_daily_date,
        listed.daily_page_count,
        listed.upvotes,
        listed.comments_count,
        listed.authors_count,
        handles.handle,
        listed.organization_link,
        handles.organization,
        handles.company,
        handles.country,
        coalesce(repo_counts.models_count, 0) as models_count,
        case when snapshot.are_datasets_observed then coalesce(repo_counts.datasets_count, 0) end as datasets_count,
        case when snapshot.are_spaces_observed then coalesce(repo_counts.spaces_count, 0) end as spaces_count,
        listed.observed_at,
        snapshot.is_synthetic
    from listed
    cross join snapshot
    left join handles on lower(listed.linked_handle) = handles.handle_key
    left join repo_counts on listed.paper_id = repo_counts.paper_id
    where listed.turn = 1

)

select * from final
