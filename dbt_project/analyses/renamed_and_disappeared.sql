with accounts as (

    select * from {{ ref('fct_organization_snapshots') }}

),

renames as (

    select * from {{ ref('fct_renames') }}

),

tombstones as (

    select * from {{ ref('fct_tombstones') }}

),

-- A day on which nothing changed has rows of accounts alone.
days as (

    select
        max(snapshot_date) as latest_date,
        max(snapshot_date) filter (
            where snapshot_date < (select max(latest.snapshot_date) from accounts as latest)
        ) as compared_with
    from accounts

),

kinds as (

    select
        changed.what,
        repos.kind
    from (values ('disappeared'), ('renamed')) as changed (what)
    cross join (values ('dataset'), ('model'), ('space')) as repos (kind)

),

changes as (

    select
        'disappeared' as what,
        repo_type as kind,
        snapshot_date
    from tombstones
    union all
    select
        'renamed' as what,
        repo_type as kind,
        snapshot_date
    from renames

),

final as (

    select
        kinds.what,
        kinds.kind,
        count(*) filter (where changes.snapshot_date = days.latest_date) as this_snapshot,
        count(changes.snapshot_date) as so_far,
        days.compared_with
    from kinds
    cross join days
    left join changes on kinds.what = changes.what and kinds.kind = changes.kind
    where days.compared_with is not null
    group by kinds.what, kinds.kind, days.compared_with
    order by kinds.what, kinds.kind

)

select * from final
