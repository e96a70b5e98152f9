with countries as (

    select * from {{ ref('fct_country_monthly') }}

),

milestones as (

    select * from {{ ref('fct_milestones') }}

),

organizations as (

    select * from {{ ref('dim_organizations') }}

),

-- Whole months only; what has no known country is told as a share.
counted as (

    select *
    from countries
    where
        snapshot_date = (select max(latest.snapshot_date) from countries as latest)
        and country_rule = 'headquarters'
        and country <> 'unattributed'
        and month < date_trunc('month', snapshot_date)
        and month >= date_trunc('month', snapshot_date) - interval '36' month

),

months as (

    select
        month,
        max(unattributed_new_models_share) as share_without_country
    from counted
    group by month

),

largest as (

    select
        country,
        sum(new_models_count) as total_count
    from counted
    group by country
    order by total_count desc, country asc
    limit 6

),

marked as (

    select
        organizations.country,
        cast(date_trunc('month', milestones.event_date) as date) as month,
        string_agg(
            concat(milestones.event_date, ' ', milestones.title), '; '
            order by milestones.event_date, milestones.title
        ) as milestones
    from milestones
    inner join organizations
        on
            milestones.snapshot_date = organizations.snapshot_date
            and milestones.handle = organizations.handle
    where
        milestones.snapshot_date = (select max(latest.snapshot_date) from milestones as latest)
        and milestones.event_type = 'model'
    group by organizations.country, cast(date_trunc('month', milestones.event_date) as date)

),

-- All models of a month are counted, so a country without a row in it has none of them.
final as (

    select
        months.month,
        largest.country,
        coalesce(counted.new_models_count, 0) as models,
        months.share_without_country,
        marked.milestones
    from months
    cross join largest
    left join counted on months.month = counted.month and largest.country = counted.country
    left join marked on months.month = marked.month and largest.country = marked.country
    order by months.month desc, largest.total_count desc, largest.country asc

)

select * from final
