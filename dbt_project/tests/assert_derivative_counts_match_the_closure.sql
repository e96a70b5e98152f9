{{ config(meta={'dagster': {'ref': {'name': 'fct_derivative_counts'}}}) }}
-- What is counted for a model is what a recount from edges and closure finds.
with derivative_counts as (

    select * from {{ ref('fct_derivative_counts') }}

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
        subject,
        sum(case when definition = 'direct' then value end) as direct,
        sum(case when definition = 'transitive' then value end) as transitive
    from derivative_counts
    where subject_type = 'model' and relation = 'all'
    group by subject

),

descendants as (

    select models.repo_id, count(distinct closure.descendant_id) as transitive
    from closure
    inner join models on closure.ancestor_id = models.model_id
    group by models.repo_id

),

children as (

    select models.repo_id, count(distinct edges.child_id) as direct
    from edges
    inner join models on edges.parent_id = models.model_id
    where edges.is_counted
    group by models.repo_id

),

final as (

    select published.subject, published.direct, published.transitive, children.direct as recounted_direct
    from published
    left join children on published.subject = children.repo_id
    left join descendants on published.subject = descendants.repo_id
    where
        published.direct <> coalesce(children.direct, 0)
        or published.transitive <> coalesce(descendants.transitive, 0)

)

select * from final
