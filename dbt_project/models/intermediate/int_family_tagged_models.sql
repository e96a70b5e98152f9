with families as (

    select * from {{ ref('registry_families') }}

),

models as (

    select * from {{ ref('stg_hub__models') }}

),

model_tags as (

    select row_id as model_id, {{ explode('tags') }} as tag from models

),

lower_tags as (

    select model_id, lower(tag) as tag from model_tags

),

distinct_tags as (

    select distinct tag from lower_tags

),

model_ids as (

    select row_id as model_id, lower(repo_id) as lower_repo_id from models

),

tag_matches as (

    {{ family_matches('distinct_tags', 'tag') }}

),

id_matches as (

    {{ family_matches('model_ids', 'lower_repo_id') }}

),

final as (

    select tag_matches.family, lower_tags.model_id
    from tag_matches
    inner join lower_tags on tag_matches.tag = lower_tags.tag
    union
    select id_matches.family, model_ids.model_id
    from id_matches
    inner join model_ids on id_matches.lower_repo_id = model_ids.lower_repo_id

)

select * from final
