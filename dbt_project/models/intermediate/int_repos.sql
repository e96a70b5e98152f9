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

model_tags as (

    select row_id, {{ explode('tags') }} as tag from models

),

model_licences as (

    select row_id, min(substr(tag, length('license:') + 1)) as licence
    from model_tags
    where {{ has_prefix('tag', "'license:'") }}
    group by row_id

),

dataset_tags as (

    select row_id, {{ explode('tags') }} as tag from datasets

),

dataset_modalities as (

    select row_id, min(tag) as first_tag, max(tag) as last_tag
    from dataset_tags
    where {{ has_prefix('tag', "'modality:'") }}
    group by row_id

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
            when {{ matches('model_licences.licence', "'^[A-Za-z0-9.+_-]{1,64}$'") }} then model_licences.licence
            when model_licences.licence is not null then 'other'
        end as licence,
        models.observed_at,
        flags.are_models_synthetic as is_synthetic
    from models
    cross join flags
    left join model_licences on models.row_id = model_licences.row_id
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
        dataset_modalities.first_tag as modality_tag,
        case when dataset_modalities.first_tag <> dataset_modalities.last_tag then 'multimodal' end as modality,
        null as parameters_count,
        'none' as size_class,
        null as licence,
        datasets.observed_at,
        flags.are_datasets_synthetic as is_synthetic
    from datasets
    cross join flags
    left join dataset_modalities on datasets.row_id = dataset_modalities.row_id
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
