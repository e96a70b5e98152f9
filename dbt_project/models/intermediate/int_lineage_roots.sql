with models as (

    select * from {{ ref('int_models') }}

),

edges as (

    select * from {{ ref('int_lineage_edges') }}

),

closure as (

    select * from {{ ref('int_lineage_closure') }}

),

children as (

    select distinct child_id from edges
    where is_counted

),

roots as (

    select models.model_id
    from models
    left join children on models.model_id = children.child_id
    where children.child_id is null

),

pairs as (

    select model_id as descendant_id, model_id as root_id, 0 as depth from roots
    union all
    select closure.descendant_id, closure.ancestor_id as root_id, closure.min_depth as depth
    from closure
    inner join roots on closure.ancestor_id = roots.model_id

),

final as (

    select
        descendant_id,
        root_id,
        depth,
        cast(1 as double) / count(*) over (partition by descendant_id) as share
    from pairs

)

select * from final
