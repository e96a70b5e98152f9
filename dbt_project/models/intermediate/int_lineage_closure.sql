with edges as (

    select * from {{ ref('int_lineage_edges') }}

),

parents as (

    select distinct parent_id, child_id from edges
    where is_counted

),

final as (

    {{ lineage_closure('parents') }}

)

select * from final
