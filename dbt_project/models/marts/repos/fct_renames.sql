with renames as (

    select * from {{ ref('int_renames') }}

),

final as (

    select
        snapshot_date,
        repo_type,
        repo_key,
        former_id,
        repo_id,
        previous_snapshot_date,
        is_synthetic
    from renames

)

select * from final
