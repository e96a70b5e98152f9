{{ config(meta={'dagster': {'ref': {'name': 'fct_country_snapshots'}}}) }}
with country_snapshots as (

    select * from {{ ref('fct_country_snapshots') }}

),

rules as (

    select
        snapshot_date,
        country_rule,
        sum(young_models_count) as models_count,
        sum(young_downloads_share) as shares,
        count(case when country = 'unattributed' then 1 end) as unattributed_rows_count
    from country_snapshots
    group by snapshot_date, country_rule

),

compared as (

    select
        *,
        max(models_count) over (partition by snapshot_date) - min(models_count) over (partition by snapshot_date)
            as difference
    from rules

),

final as (

    select snapshot_date, country_rule, models_count, shares, unattributed_rows_count from compared
    where abs(difference) > 0.000001 or abs(shares - 1) > 0.000001 or unattributed_rows_count <> 1

)

select * from final
