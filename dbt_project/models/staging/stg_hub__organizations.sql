with base as (

    select * from {{ ref('base_hub__organizations') }}

),

final as (

    select
        snapshot_date,
        row_id,
        handle_key,
        handle,
        display_name,
        is_verified,
        plan,
        members_count,
        hub_models_count,
        hub_datasets_count,
        hub_spaces_count,
        hub_papers_count,
        followers_count,
        observed_at
    from base
    where quarantine_reason is null

)

select * from final
