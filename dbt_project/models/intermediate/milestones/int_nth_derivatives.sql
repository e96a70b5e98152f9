with edges as (

    select * from {{ ref('int_lineage_edges') }}

),

models as {{ read_anew() }} (

    select * from {{ ref('int_models') }}

),

model_subjects as (

    select * from {{ ref('int_model_subjects') }}

),

registry_subjects as (

    select * from {{ ref('int_registry_subjects') }}

),

families as (

    select * from {{ ref('registry_families') }}

),

registry_periods as (

    select * from {{ ref('int_registry_periods') }}

),

subject_models as (

    select model_subjects.model_id, model_subjects.subject_type, model_subjects.subject
    from model_subjects
    inner join registry_subjects
        on
            model_subjects.subject_type = registry_subjects.subject_type
            and model_subjects.subject = registry_subjects.subject
    where model_subjects.subject_type in ('family', 'organization')

),

external_edges as (

    select edges.parent_id, edges.child_id
    from edges
    inner join models as parents on edges.parent_id = parents.model_id
    inner join models as children on edges.child_id = children.model_id
    where
        edges.is_counted
        -- Two models without a namespace are not of different organizations.
        and coalesce(children.organization, '') <> coalesce(parents.organization, '')

),

subject_children as (

    select distinct subject_models.subject_type, subject_models.subject, external_edges.child_id
    from subject_models
    inner join external_edges on subject_models.model_id = external_edges.parent_id

),

-- What has no date of its own was there before everything that has one.
ordered as (

    select
        subject_children.subject_type,
        subject_children.subject,
        children.repo_id,
        children.created_at,
        coalesce(not children.is_legacy_import, false) as is_dated,
        row_number() over (
            partition by subject_children.subject_type, subject_children.subject
            order by
                case when coalesce(not children.is_legacy_import, false) then 1 else 0 end,
                children.created_at,
                children.repo_id,
                children.repo_key
        ) as threshold
    from subject_children
    inner join models as children on subject_children.child_id = children.model_id

),

handles_of_subjects as (

    select distinct 'family' as subject_type, family as subject, lower(root_handle) as handle_key, root_handle as handle
    from families
    union all
    select distinct 'organization' as subject_type, organization as subject, handle_key, handle
    from registry_periods

),

-- A subject with several handles has no account of its own.
only_handles as (

    select subject_type, subject, min(handle) as handle
    from handles_of_subjects
    group by subject_type, subject
    having count(distinct handle_key) = 1

),

final as (

    select
        ordered.subject_type,
        ordered.subject,
        only_handles.handle,
        cast(ordered.threshold as bigint) as threshold,
        ordered.repo_id,
        ordered.created_at
    from ordered
    left join only_handles
        on ordered.subject_type = only_handles.subject_type and ordered.subject = only_handles.subject
    where ordered.threshold in ({{ derivative_thresholds() | join(', ') }}) and ordered.is_dated

)

select * from final
