with models as (

    select * from {{ ref('stg_hub__models') }}

),

model_tags as (

    select {{ explode('tags') }} as tag from models

),

final as (

    select distinct tag, lower(tag) as lower_tag from model_tags
    where tag is not null

)

select * from final
