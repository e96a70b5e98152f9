with edges as (

    select * from {{ ref('int_lineage_edges') }}

),

models as (

    select * from {{ ref('int_models') }}

),

families as (

    select * from {{ ref('registry_families') }}

),

parents as (

    select * from models
    where
        model_id in (
            select parent_id from edges
            where is_counted
        )

),

final as (

    {{ subjects_of('parents', 'model_id') }}

)

select * from final
