with final as (

    {{ released_rows('fct_organization_snapshots') }}

)

select * from final
