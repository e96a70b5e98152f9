with families as (

    select * from {{ ref('registry_families') }}

),

family_tags as (

    select * from {{ ref('int_family_tags') }}

),

models as {{ read_anew() }} (

    select * from {{ ref('stg_hub__models') }}

),

model_tags as (

    select row_id as model_id, {{ explode('tags') }} as tag from models

),

model_ids as (

    select row_id as model_id, lower(repo_id) as lower_repo_id from models

),

id_matches as (

    {{ family_matches('model_ids', 'model_id', 'lower_repo_id') }}

),

final as (

    select family_tags.family, model_tags.model_id
    from model_tags
    inner join family_tags on model_tags.tag = family_tags.tag
    union
    select family, model_id from id_matches

)

select * from final
