with base as (

    select * from {{ ref('base_hub__spaces') }}

),

final as (

    select
        snapshot_date,
        row_id,
        repo_key,
        repo_id,
        handle,
        created_at,
        is_legacy_import,
        last_modified_at,
        is_disabled,
        likes,
        trending_score,
        tags,
        sdk,
        used_models,
        used_datasets,
        used_storage_bytes,
        observed_at
    from base
    where quarantine_reason is null

)

select * from final
