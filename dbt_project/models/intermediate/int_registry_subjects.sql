with registry as (

    select * from {{ ref('int_registry') }}

),

families as (

    select * from {{ ref('registry_families') }}

),

final as (

    select 'handle' as subject_type, handle as subject from registry
    union
    select 'organization' as subject_type, organization as subject from registry
    union
    select 'company' as subject_type, company as subject from registry
    where company is not null
    union
    select 'country' as subject_type, country as subject from registry
    union
    select 'family' as subject_type, family as subject from families

)

select * from final
