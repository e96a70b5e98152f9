with history as (

    select * from {{ ref('stg_release__derivative_counts') }}

),

final as (

    select
        snapshot_date,
        subject_type,
        subject,
        relation,
        definition,
        value,
        is_in_registry,
        is_synthetic
    from history
    -- A release of an earlier day has all of its subjects; only those of the registry go on.
    where is_in_registry

)

select * from final
