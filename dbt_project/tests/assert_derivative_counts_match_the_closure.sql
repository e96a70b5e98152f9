{{ config(meta={'dagster': {'ref': {'name': 'fct_derivative_counts'}}}) }}
-- What is counted for any subject is what a recount from edges and closure finds.
with derivative_counts as (

    select * from {{ ref('fct_derivative_counts') }}

),

snapshots as (

    select * from {{ ref('stg_hub__snapshots') }}

),

model_subjects as (

    select * from {{ ref('int_model_subjects') }}

),

models as (

    select * from {{ ref('int_models') }}

),

edges as (

    select * from {{ ref('int_lineage_edges') }}

),

closure as (

    select * from {{ ref('int_lineage_closure') }}

),

published as (

    select
        derivative_counts.subject_type,
        derivative_counts.subject,
        sum(case when derivative_counts.definition = 'edges' then derivative_counts.value end) as edges,
        sum(case when derivative_counts.definition = 'direct' then derivative_counts.value end) as direct,
        sum(case when derivative_counts.definition = 'transitive' then derivative_counts.value end) as transitive,
        sum(case when derivative_counts.definition = 'transitive_external' then derivative_counts.value end)
            as transitive_external
    from derivative_counts
    inner join snapshots
        on derivative_counts.snapshot_date = snapshots.snapshot_date and snapshots.table_name = 'models'
    where derivative_counts.relation = 'all'
    group by derivative_counts.subject_type, derivative_counts.subject

),

descendants as (

    select
        model_subjects.subject_type,
        model_subjects.subject,
        count(distinct closure.descendant_id) as transitive,
        count(
            distinct case
                when coalesce(ancestor_models.organization, '') <> coalesce(descendant_models.organization, '')
                    then closure.descendant_id
            end
        ) as transitive_external
    from closure
    inner join model_subjects on closure.ancestor_id = model_subjects.model_id
    inner join models as ancestor_models on closure.ancestor_id = ancestor_models.model_id
    inner join models as descendant_models on closure.descendant_id = descendant_models.model_id
    group by model_subjects.subject_type, model_subjects.subject

),

children as (

    select
        model_subjects.subject_type,
        model_subjects.subject,
        count(*) as edges,
        count(distinct edges.child_id) as direct
    from edges
    inner join model_subjects on edges.parent_id = model_subjects.model_id
    where edges.is_counted
    group by model_subjects.subject_type, model_subjects.subject

),

final as (

    select
        published.subject_type,
        published.subject,
        published.edges,
        published.direct,
        published.transitive,
        published.transitive_external,
        children.direct as recounted_direct,
        descendants.transitive as recounted_transitive
    from published
    left join children
        on published.subject_type = children.subject_type and published.subject = children.subject
    left join descendants
        on published.subject_type = descendants.subject_type and published.subject = descendants.subject
    where
        published.edges <> coalesce(children.edges, 0)
        or published.direct <> coalesce(children.direct, 0)
        or published.transitive <> coalesce(descendants.transitive, 0)
        or published.transitive_external <> coalesce(descendants.transitive_external, 0)

)

select * from final
