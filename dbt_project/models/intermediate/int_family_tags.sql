with families as (

    select * from {{ ref('registry_families') }}

),

tags as (

    select * from {{ ref('int_tags') }}

),

accounts as (

    select distinct lower(root_handle) as handle_key from families

),

named_models as (

    select * from tags
    where named_model is not null

),

matched as (

    {{ family_matches('named_models', 'tag', 'named_model') }}

),

final as (

    select matched.family, matched.tag, tags.is_of_a_parent
    from matched
    inner join tags on matched.tag = tags.tag
    left join accounts on tags.lower_tag = accounts.handle_key
    -- A tag that names an account names no model, unless the family is called like its account.
    where accounts.handle_key is null or accounts.handle_key = lower(matched.family)

)

select * from final
