with snapshots as (

    select * from {{ ref('stg_hub__snapshots') }}

),

models as (

    select * from {{ ref('stg_hub__models') }}

),

datasets as (

    select * from {{ ref('stg_hub__datasets') }}

),

spaces as (

    select * from {{ ref('stg_hub__spaces') }}

),

handles as (

    select * from {{ ref('int_handles') }}

),

modalities as (

    select * from {{ ref('registry_modalities') }}

),

licences as (

    select * from {{ ref('registry_licences') }}

),

flags as (

    select
        coalesce(bool_or(is_synthetic and table_name = 'models'), false) as are_models_synthetic,
        coalesce(bool_or(is_synthetic and table_name = 'datasets'), false) as are_datasets_synthetic,
        coalesce(bool_or(is_synthetic and table_name = 'spaces'), false) as are_spaces_synthetic
    from snapshots

),

licensed_models as (

    select
        *,
        substr({{ least_with_prefix('tags', "'license:'") }}, length('license:') + 1) as tagged_licence
    from models

),

modal_datasets as (

    select
        *,
        {{ least_with_prefix('tags', "'modality:'") }} as first_tag,
        {{ greatest_with_prefix('tags', "'modality:'") }} as last_tag
    from datasets

),

repos as (

    select
        'model' as repo_type,
        models.repo_key,
        models.repo_id,
        models.handle,
        models.created_at,
        models.is_legacy_import,
        models.downloads_30d,
        models.downloads_all_time,
        models.likes,
        models.pipeline_tag,
        models.pipeline_tag as modality_tag,
        cast(null as varchar) as modality,
        models.parameters_count,
        {{ size_class('models.parameters_count') }} as size_class,
        -- A tag is anybody's text: what does not look like the name of a licence is not carried on.
        case
            when {{ matches('models.tagged_licence', "'^[A-Za-z0-9.+_-]{1,64}$'") }} then models.tagged_licence
            when models.tagged_licence is not null then 'other'
        end as licence,
        models.observed_at,
        flags.are_models_synthetic as is_synthetic
    from licensed_models as models
    cross join flags
    union all
    select
        'dataset' as repo_type,
        datasets.repo_key,
        datasets.repo_id,
        datasets.handle,
        datasets.created_at,
        datasets.is_legacy_import,
        datasets.downloads_30d,
        datasets.downloads_all_time,
        datasets.likes,
        null as pipeline_tag,
        datasets.first_tag as modality_tag,
        case when datasets.first_tag <> datasets.last_tag then 'multimodal' end as modality,
        null as parameters_count,
        'none' as size_class,
        null as licence,
        datasets.observed_at,
        flags.are_datasets_synthetic as is_synthetic
    from modal_datasets as datasets
    cross join flags
    union all
    select
        'space' as repo_type,
        spaces.repo_key,
        spaces.repo_id,
        spaces.handle,
        spaces.created_at,
        spaces.is_legacy_import,
        null as downloads_30d,
        null as downloads_all_time,
        spaces.likes,
        null as pipeline_tag,
        null as modality_tag,
        'space' as modality,
        null as parameters_count,
        'none' as size_class,
        null as licence,
        spaces.observed_at,
        flags.are_spaces_synthetic as is_synthetic
    from spaces
    cross join flags

),

final as (

    select
        repos.repo_type,
        repos.repo_key,
        repos.repo_id,
        handles.handle,
        repos.created_at,
        repos.is_legacy_import,
        repos.downloads_30d,
        repos.downloads_all_time,
        repos.likes,
        repos.pipeline_tag,
        coalesce(repos.modality, modalities.modality, 'unknown') as modality,
        repos.parameters_count,
        repos.size_class,
        repos.licence,
        case
            when repos.licence is null then 'none'
            else coalesce(licences.licence_class, 'other')
        end as licence_class,
        repos.observed_at,
        repos.is_synthetic
    from repos
    left join handles on lower(repos.handle) = handles.handle_key
    left join modalities on repos.modality_tag = modalities.tag
    left join licences on repos.licence = licences.licence

)

select * from final
