with base as (

    select * from {{ ref('base_hub__models') }}

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
        gated,
        is_disabled,
        downloads_30d,
        downloads_all_time,
        likes,
        trending_score,
        tags,
        pipeline_tag,
        library_name,
        safetensors_parameters_count,
        gguf_parameters_count,
        is_parameter_count_implausible,
        has_packed_weights,
        gguf_architecture,
        base_models_relation,
        base_models,
        used_storage_bytes,
        observed_at
    from base
    where quarantine_reason is null

)

select * from final
