{{ config(meta={'dagster': {'ref': {'name': 'int_lineage_closure'}}}) }}
with closure as (

    select * from {{ ref('int_lineage_closure') }}

),

derivations as (

    select distinct ancestor_id, descendant_id from {{ ref('int_lineage_derivations') }}

),

final as (

    select
        coalesce(closure.ancestor_id, derivations.ancestor_id) as ancestor_id,
        coalesce(closure.descendant_id, derivations.descendant_id) as descendant_id
    from closure
    full outer join derivations
        on closure.ancestor_id = derivations.ancestor_id and closure.descendant_id = derivations.descendant_id
    where closure.ancestor_id is null or derivations.ancestor_id is null

)

select * from final
