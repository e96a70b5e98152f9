with models as (

    select * from {{ ref('stg_hub__models') }}

),

handles as (

    select * from {{ ref('int_handles') }}

),

final as (

    select
        models.snapshot_date,
        models.row_id as model_id,
        models.repo_key,
        models.repo_id,
        handles.handle,
        handles.organization,
        handles.organization_id,
        handles.company,
        handles.country,
        handles.headquarters_country,
        models.created_at,
        models.is_legacy_import,
        models.downloads_30d,
        models.downloads_all_time,
        models.likes
    from models
    left join handles on lower(models.handle) = handles.handle_key

)

select * from final
