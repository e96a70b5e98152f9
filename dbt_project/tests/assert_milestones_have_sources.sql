with milestones as (

    select * from {{ ref('registry_milestones') }}

),

final as (

    select milestone_id, 'has no source: give the address of a page that documents it in source_url' as problem
    from milestones
    where not coalesce({{ matches('source_url', "'^https?://'") }}, false)

)

select * from final
