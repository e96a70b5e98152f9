with final as (

    {{ released_rows('fct_renames') }}

)

select * from final
