with edges as (

    select * from {{ ref('int_lineage_edges') }}

),

closure as (

    select * from {{ ref('int_lineage_closure') }}

),

counted_edges as (

    select distinct parent_id, child_id, relation from edges
    where is_counted

),

final as (

    select parent_id as ancestor_id, child_id as descendant_id, relation from counted_edges
    union
    select closure.ancestor_id, counted_edges.child_id as descendant_id, counted_edges.relation
    from closure
    inner join counted_edges on closure.descendant_id = counted_edges.parent_id
    where closure.ancestor_id <> counted_edges.child_id

)

select * from final
