with countries as (

    select * from {{ ref('fct_country_snapshots') }}

),

final as (

    select
        country,
        max(young_downloads_share) filter (where country_rule = 'headquarters') as headquarters_share,
        max(young_downloads_share) filter (where country_rule = 'international') as international_share,
        max(young_downloads_share) filter (where country_rule = 'base_model') as base_model_share
    from countries
    where snapshot_date = (select max(latest.snapshot_date) from countries as latest)
    group by country
    order by headquarters_share desc nulls last, country asc

)

select * from final
