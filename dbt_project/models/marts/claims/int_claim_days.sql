with claims as (

    select * from {{ ref('int_claims') }}

),

snapshots as (

    select * from {{ ref('stg_hub__snapshots') }}

),

derivative_counts as (

    select * from {{ ref('fct_derivative_counts') }}

),

organization_snapshots as (

    select * from {{ ref('fct_organization_snapshots') }}

),

country_snapshots as (

    select * from {{ ref('fct_country_snapshots') }}

),

download_concentration as (

    select * from {{ ref('fct_download_concentration') }}

),

table_days as (

    select distinct 'fct_derivative_counts' as table_name, snapshot_date from derivative_counts
    where subject_type = 'family'
    union all
    select distinct 'fct_organization_snapshots' as table_name, snapshot_date from organization_snapshots
    union all
    select distinct 'fct_country_snapshots' as table_name, snapshot_date from country_snapshots
    union all
    select distinct 'fct_download_concentration' as table_name, snapshot_date from download_concentration
    union all
    select distinct 'this snapshot' as table_name, snapshot_date from snapshots

),

placed_claims as (

    select
        claim_id,
        period_start_date,
        period_end_date,
        case
            when metric = 'derivatives.rank_within_handle' then 'this snapshot'
            when {{ has_prefix('metric', "'derivatives.'") }} then 'fct_derivative_counts'
            when metric = 'organizations.followers_rank' then 'fct_organization_snapshots'
            when {{ has_prefix('metric', "'countries.'") }} then 'fct_country_snapshots'
            when {{ has_prefix('metric', "'concentration.'") }} then 'fct_download_concentration'
            else 'this snapshot'
        end as table_name
    from claims

),

away as (

    select
        placed_claims.claim_id,
        table_days.snapshot_date,
        case
            when table_days.snapshot_date < placed_claims.period_start_date
                then {{ days_between('table_days.snapshot_date', 'placed_claims.period_start_date') }}
            when table_days.snapshot_date > placed_claims.period_end_date
                then {{ days_between('placed_claims.period_end_date', 'table_days.snapshot_date') }}
            else 0
        end as days_away
    from placed_claims
    inner join table_days on placed_claims.table_name = table_days.table_name

),

ranked as (

    select
        claim_id,
        snapshot_date,
        days_away,
        row_number() over (partition by claim_id order by days_away asc, snapshot_date desc) as turn
    from away

),

final as (

    select claim_id, snapshot_date as measured_snapshot_date, cast(days_away as bigint) as days_away
    from ranked
    where turn = 1

)

select * from final
