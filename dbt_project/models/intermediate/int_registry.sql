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
    inner join snapshot on snapshot.snapshot_date >= periods.holds_from and snapshot.snapshot_date < periods.holds_until

)

select * from final
