with edges as (

    select * from {{ ref('int_lineage_edges') }}

),

final as (

    select
        child_id,
        parent_id,
        case when parent_id is null then named_parent_key end as unresolved_parent_key,
        relation,
        count(*) as rows_count
    from edges
    group by
        child_id,
        parent_id,
        case when parent_id is null then named_parent_key end,
        relation
    having count(*) > 1 or child_id is null

)

select * from final
