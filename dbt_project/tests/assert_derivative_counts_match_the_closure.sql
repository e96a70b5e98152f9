{{ config(meta={'dagster': {'ref': {'name': 'int_derivative_counts'}}}) }}
with model_subjects as (

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

counted as (

    select * from {{ ref('int_derivative_counts') }}
    where relation = 'all'

),

-- Grouped by a number for each subject, since millions of pairs are.
subjects as (

    select subject_type, subject, row_number() over (order by subject_type, subject) as subject_id
    from (select distinct subject_type, subject from model_subjects) as named

),

parents as (

    select
        model_subjects.model_id as parent_id,
        coalesce(models.organization_id, 0) as organization_id,
        subjects.subject_id,
        count(*) over (partition by subjects.subject_id) as parents_count
    from model_subjects
    inner join subjects
        on model_subjects.subject_type = subjects.subject_type and model_subjects.subject = subjects.subject
    inner join models on model_subjects.model_id = models.model_id

),

pairs as (

    select closure.ancestor_id, closure.descendant_id, coalesce(models.organization_id, 0) as organization_id
    from closure
    left join models on closure.descendant_id = models.model_id

),

-- Descendants of one parent are distinct as they are.
subject_descendants as (

    select
        parents.subject_id,
        pairs.descendant_id,
        case when parents.organization_id <> pairs.organization_id then 1 else 0 end as is_external
    from pairs
    inner join parents on pairs.ancestor_id = parents.parent_id
    where parents.parents_count = 1
    union all
    select
        parents.subject_id,
        pairs.descendant_id,
        max(case when parents.organization_id <> pairs.organization_id then 1 else 0 end) as is_external
    from pairs
    inner join parents on pairs.ancestor_id = parents.parent_id
    where parents.parents_count > 1
    group by parents.subject_id, pairs.descendant_id

),

descendants as (

    select subject_id, count(*) as transitive, sum(is_external) as transitive_external
    from subject_descendants
    group by subject_id

),

children as (

    select parents.subject_id, count(*) as edges, count(distinct edges.child_id) as direct
    from edges
    inner join parents on edges.parent_id = parents.parent_id
    where edges.is_counted
    group by parents.subject_id

),

final as (

    select
        counted.subject_type,
        counted.subject,
        counted.edges,
        counted.direct,
        counted.transitive,
        counted.transitive_external,
        children.direct as recounted_direct,
        descendants.transitive as recounted_transitive
    from counted
    left join subjects
        on counted.subject_type = subjects.subject_type and counted.subject = subjects.subject
    left join children on subjects.subject_id = children.subject_id
    left join descendants on subjects.subject_id = descendants.subject_id
    where
        counted.edges <> coalesce(children.edges, 0)
        or counted.direct <> coalesce(children.direct, 0)
        or counted.transitive <> coalesce(descendants.transitive, 0)
        or counted.transitive_external <> coalesce(descendants.transitive_external, 0)

)

select * from final
