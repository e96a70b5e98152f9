with models as (

    select * from {{ ref('stg_hub__models') }}

),

model_tags as (

    select {{ explode('tags') }} as tag from models

),

tags as (

    select distinct tag from model_tags
    where tag is not null

),

final as (

    select tag, lower(tag) as lower_tag from tags

)

select * from final
