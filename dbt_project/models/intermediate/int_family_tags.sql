with families as (

    select * from {{ ref('registry_families') }}

),

tags as (

    select * from {{ ref('int_tags') }}

),

final as (

    {{ family_matches('tags', 'tag', 'lower_tag') }}

)

select * from final
