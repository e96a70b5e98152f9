with raw_rows as {{ read_anew() }} (

    select *, {{ raw_row_id() }} as row_id from {{ of_snapshot(source('raw', 'models')) }}
    where snapshot_date = {{ snapshot_date() }}

),

typed as {{ read_anew() }} (

    select
        snapshot_date,
        row_id,
        coalesce(_id, id) as repo_key,
        id as repo_id,
        case when id like '%/%' then split_part(id, '/', 1) end as handle,
        createdAt as created_at,
        createdAt <= {{ utc_timestamp(var('legacy_import_until')) }} as is_legacy_import,
        lastModified as last_modified_at,
        gated,
        disabled as is_disabled,
        downloads as downloads_30d,
        downloadsAllTime as downloads_all_time,
        likes,
        trendingScore as trending_score,
        tags,
        pipeline_tag,
        library_name,
        safetensors.total as claimed_safetensors_count,
        gguf.total as claimed_gguf_count,
        {{ has_packed_weights('safetensors', 'tags') }} as has_packed_weights,
        gguf.architecture as gguf_architecture,
        baseModels.relation as base_models_relation,
        baseModels.models as base_models,
        usedStorage as used_storage_bytes,
        observed_at,
        fault,
        {{ broken_row_rule('models') }} as broken_rule
    from raw_rows

),

repeats as (

    {{ repeated_keys('typed', 'repo_key', 'last_modified_at desc nulls last') }}

),

final as (

    select
        typed.snapshot_date,
        typed.row_id,
        typed.repo_key,
        typed.repo_id,
        typed.handle,
        typed.created_at,
        typed.is_legacy_import,
        typed.last_modified_at,
        typed.gated,
        typed.is_disabled,
        typed.downloads_30d,
        typed.downloads_all_time,
        typed.likes,
        typed.trending_score,
        typed.tags,
        typed.pipeline_tag,
        typed.library_name,
        {{ plausible_parameters('typed.claimed_safetensors_count') }} as safetensors_parameters_count,
        {{ plausible_parameters('typed.claimed_gguf_count') }} as gguf_parameters_count,
        coalesce(typed.claimed_safetensors_count not between 0 and {{ var('max_plausible_parameters') }}, false)
        or coalesce(typed.claimed_gguf_count not between 0 and {{ var('max_plausible_parameters') }}, false)
            as is_parameter_count_implausible,
        typed.has_packed_weights,
        typed.gguf_architecture,
        typed.base_models_relation,
        typed.base_models,
        typed.used_storage_bytes,
        typed.observed_at,
        {{ quarantine_rule('repeats.turn') }} as quarantine_rule,
        {{ quarantine_reason('repeats.turn') }} as quarantine_reason
    from typed
    left join repeats on typed.row_id = repeats.row_id

)

select * from final
