with models as (

    select * from {{ ref('stg_hub__models') }}

),

model_tags as (

    select {{ explode('tags') }} as tag from models

),

tags as (

    select distinct tag, {{ has_prefix('tag', "'base_model:'") }} as has_parent from model_tags
    where tag is not null

),

final as (

    select
        tag,
        lower(tag) as lower_tag,
        has_parent as is_of_a_parent,
        -- What stands behind relation and account; data sets, licences, papers and regions have prefixes of their own.
        case
            when has_parent or tag not like '%:%' or {{ has_prefix('tag', "'diffusers:'") }}
                then split_part(split_part(lower(tag), '/', -1), ':', -1)
        end as named_model
    from tags

)

select * from final
