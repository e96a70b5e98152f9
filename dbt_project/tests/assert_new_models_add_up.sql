{{ config(meta={'dagster': {'ref': {'name': 'fct_country_monthly'}}}) }}
with country_monthly as (

    select * from {{ ref('fct_country_monthly') }}

),

releases as (

    select * from {{ ref('fct_organization_releases_monthly') }}

),

repos as (

    select * from {{ ref('int_repos') }}

),

by_country as (

    select month, country_rule, sum(new_models_count) as models_count, sum(new_models_share) as shares
    from country_monthly
    group by month, country_rule

),

by_organization as (

    select month, sum(repos_count) as models_count from releases
    where repo_type = 'model'
    group by month

),

recounted as (

    select cast(date_trunc('month', {{ utc_day('created_at') }}) as date) as month, count(*) as models_count from repos
    where repo_type = 'model' and not is_legacy_import and created_at is not null
    group by cast(date_trunc('month', {{ utc_day('created_at') }}) as date)

),

final as (

    select
        coalesce(recounted.month, by_organization.month, by_country.month) as month,
        by_country.country_rule,
        recounted.models_count,
        by_organization.models_count as organizations_models_count,
        by_country.models_count as countries_models_count,
        by_country.shares
    from recounted
    full outer join by_organization on recounted.month = by_organization.month
    full outer join by_country on coalesce(recounted.month, by_organization.month) = by_country.month
    where
        coalesce(recounted.models_count, 0) <> coalesce(by_organization.models_count, 0)
        or abs(coalesce(recounted.models_count, 0) - coalesce(by_country.models_count, 0)) > 0.000001
        or coalesce(abs(by_country.shares - 1) > 0.000001, false)

)

select * from final
