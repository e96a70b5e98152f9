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

model_sizes as (

    select * from {{ ref('int_model_sizes') }}

),

licensed_models as (

    select
        *,
        {{ least_with_prefix('tags', "'license:'") }} as first_tag,
        {{ greatest_with_prefix('tags', "'license:'") }} as last_tag
    from models

),

tags_of_several as (

    select row_id, {{ explode('tags') }} as tag from licensed_models
    where first_tag <> last_tag

),

-- Of several licences the one that leaves least freedom.
strictest as (

    select
        tags_of_several.row_id,
        tags_of_several.tag,
        row_number() over (
            partition by tags_of_several.row_id
            order by {{ licence_class_rank("coalesce(licences.licence_class, 'other')") }} desc, tags_of_several.tag asc
        ) as turn
    from tags_of_several
    left join licences on substr(tags_of_several.tag, length('license:') + 1) = licences.licence
    where {{ has_prefix('tags_of_several.tag', "'license:'") }}

),

sized_models as (

    select
        licensed_models.*,
        model_sizes.stored_parameters_count,
        model_sizes.parameters_count,
        model_sizes.parameters_source,
        coalesce(licensed_models.first_tag <> licensed_models.last_tag, false) as has_several_licences,
        substr(coalesce(strictest.tag, licensed_models.first_tag), length('license:') + 1) as tagged_licence
    from licensed_models
    left join model_sizes on licensed_models.row_id = model_sizes.model_id
    left join strictest on licensed_models.row_id = strictest.row_id and strictest.turn = 1

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
        models.last_modified_at,
        models.downloads_30d,
        models.downloads_all_time,
        models.likes,
        models.pipeline_tag,
        models.pipeline_tag as modality_tag,
        cast(null as varchar) as modality,
        models.stored_parameters_count,
        models.parameters_count,
        models.parameters_source,
        {{ size_class('models.parameters_count') }} as size_class,
        -- A tag is anybody's text: what does not look like the name of a licence is not carried on.
        case
            when {{ matches('models.tagged_licence', "'^[A-Za-z0-9.+_-]{1,64}$'") }} then models.tagged_licence
            when models.tagged_licence is not null then 'other'
        end as licence,
        models.has_several_licences,
        models.observed_at,
        flags.are_models_synthetic as is_synthetic
    from sized_models as models
    cross join flags
    union all
    select
        'dataset' as repo_type,
        datasets.repo_key,
        datasets.repo_id,
        datasets.handle,
        datasets.created_at,
        datasets.is_legacy_import,
        datasets.last_modified_at,
        datasets.downloads_30d,
        datasets.downloads_all_time,
        datasets.likes,
        null as pipeline_tag,
        datasets.first_tag as modality_tag,
        case when datasets.first_tag <> datasets.last_tag then 'multimodal' end as modality,
        null as stored_parameters_count,
        null as parameters_count,
        null as parameters_source,
        'none' as size_class,
        null as licence,
        null as has_several_licences,
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
        spaces.last_modified_at,
        null as downloads_30d,
        null as downloads_all_time,
        spaces.likes,
        null as pipeline_tag,
        null as modality_tag,
        'space' as modality,
        null as stored_parameters_count,
        null as parameters_count,
        null as parameters_source,
        'none' as size_class,
        null as licence,
        null as has_several_licences,
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
        repos.last_modified_at,
        repos.downloads_30d,
        repos.downloads_all_time,
        repos.likes,
        repos.pipeline_tag,
        coalesce(repos.modality, modalities.modality, 'unknown') as modality,
        repos.stored_parameters_count,
        repos.parameters_count,
        repos.parameters_source,
        repos.size_class,
        repos.licence,
        repos.has_several_licences,
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
