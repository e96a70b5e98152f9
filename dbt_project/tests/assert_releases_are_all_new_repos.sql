{{ config(meta={'dagster': {'ref': {'name': 'fct_organization_releases_monthly'}}}) }}
with releases as (

    select * from {{ ref('fct_organization_releases_monthly') }}

),

repos as (

    select * from {{ ref('int_repos') }}

),

released as (

    select repo_type, sum(repos_count) as repos_count from releases
    group by repo_type

),

recounted as (

    select repo_type, count(*) as repos_count from repos
    where not is_legacy_import and created_at is not null
    group by repo_type

),

final as (

    select recounted.repo_type, recounted.repos_count, released.repos_count as released_repos_count
    from recounted
    left join released on recounted.repo_type = released.repo_type
    where recounted.repos_count <> coalesce(released.repos_count, 0)

)

select * from final
