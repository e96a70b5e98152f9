with final as (

    {{ released_rows('fct_country_snapshots') }}

)

select * from final
