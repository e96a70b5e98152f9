{{ config(meta={'dagster': {'ref': {'name': 'fct_tombstones'}}}) }}
with tombstones as (

    select * from {{ ref('fct_tombstones') }}

),

repos as (

    select * from {{ ref('dim_repos') }}

),

final as (

    select tombstones.snapshot_date, tombstones.repo_type, tombstones.repo_key
    from tombstones
    inner join repos
        on
            tombstones.snapshot_date = repos.snapshot_date
            and tombstones.repo_type = repos.repo_type
            and tombstones.repo_key = repos.repo_key

)

select * from final
