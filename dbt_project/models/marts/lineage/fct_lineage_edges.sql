with snapshots as (

    select * from {{ ref('stg_hub__snapshots') }}

),

models as (

    select * from {{ ref('int_models') }}

),

edges as (

    select * from {{ ref('int_lineage_edges') }}

),

final as (

    select
        snapshots.snapshot_date,
        children.repo_key as child_key,
        edges.child_repo_id as child,
        parents.repo_key as parent_key,
        case
            when edges.parent_id is not null then edges.parent_repo_id
            when edges.status = 'not_a_repo_id' then {{ hashed('edges.named_parent_key') }}
            else edges.named_parent_key
        end as parent,
        coalesce(edges.relation, 'untyped') as relation,
        edges.relation_source,
        edges.status,
        edges.is_counted,
        edges.is_parent_created_after_child,
        snapshots.is_synthetic
    from edges
    inner join snapshots on snapshots.table_name = 'models'
    inner join models as children on edges.child_id = children.model_id
    left join models as parents on edges.parent_id = parents.model_id

)

select * from final
