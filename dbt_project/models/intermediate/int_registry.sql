with snapshots as (

    select * from {{ ref('stg_hub__snapshots') }}

),

periods as (

    select * from {{ ref('int_registry_periods') }}

),

snapshot as (

    select max(snapshot_date) as snapshot_date from snapshots

),

final as (

    select periods.*
    from periods
    inner join snapshot on periods.holds_from <= snapshot.snapshot_date and periods.holds_until > snapshot.snapshot_date

)

select * from final
