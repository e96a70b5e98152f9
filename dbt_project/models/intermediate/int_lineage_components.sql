with closure as (

    select * from {{ ref('int_lineage_closure') }}

),

mutual as (

    select forth.descendant_id as model_id, forth.ancestor_id as other_id
    from closure as forth
    inner join closure as back
        on forth.ancestor_id = back.descendant_id and forth.descendant_id = back.ancestor_id

),

final as (

    select
        model_id,
        least(model_id, min(other_id)) as component_id,
        count(*) + 1 as component_models_count
    from mutual
    group by model_id

)

select * from final
