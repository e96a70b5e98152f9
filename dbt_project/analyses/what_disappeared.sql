with tombstones as (

    select * from {{ ref('fct_tombstones') }}

),

-- A snapshot without tombstones has no row there, so the latest one is told by a table that always has rows.
snapshots as (

    select max(snapshot_date) as latest_date from {{ ref('fct_download_concentration') }}

),

final as (

    select
        tombstones.snapshot_date,
        tombstones.repo_type,
        tombstones.repo_id,
        tombstones.organization,
        tombstones.last_seen_date,
        tombstones.downloads_30d,
        tombstones.likes
    from tombstones
    cross join snapshots
    where tombstones.snapshot_date > snapshots.latest_date - interval '30' day
    order by
        tombstones.downloads_30d desc nulls last,
        tombstones.likes desc nulls last,
        tombstones.repo_type asc,
        tombstones.repo_id asc,
        tombstones.snapshot_date asc
    limit 50

)

select * from final
