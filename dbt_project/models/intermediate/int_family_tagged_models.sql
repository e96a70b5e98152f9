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

model_names as (

    select row_id as model_id, lower(handle) as handle_key, split_part(lower(repo_id), '/', -1) as model_name
    from models

),

name_matches as (

    {{ family_matches('model_names', 'model_id', 'model_name') }}

),

by_tag as (

    select family_tags.family, model_tags.model_id, family_tags.is_of_a_parent
    from model_tags
    inner join family_tags on model_tags.tag = family_tags.tag

),

own_names as (

    select name_matches.family, name_matches.model_id
    from name_matches
    inner join model_names on name_matches.model_id = model_names.model_id
    inner join families
        on name_matches.family = families.family and model_names.handle_key = lower(families.root_handle)

),

-- What a model was made from tells more than its name, and its name more than other tags.
told as (

    select family, model_id, 1 as place from by_tag
    where is_of_a_parent
    union all
    select family, model_id, 2 as place from name_matches
    union all
    -- Tags of several families do not tell of which it is.
    select min(family) as family, model_id, 3 as place from by_tag
    where not is_of_a_parent
    group by model_id
    having count(distinct family) = 1

),

best as (

    select model_id, min(place) as place from told
    group by model_id

),

final as (

    select told.family, told.model_id
    from told
    inner join best on told.model_id = best.model_id and told.place = best.place
    union
    -- Its own account may name a family whatever it was made from.
    select family, model_id from own_names

)

select * from final
