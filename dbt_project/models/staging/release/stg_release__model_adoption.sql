with final as (

    {{ released_rows('fct_model_adoption') }}

)

select * from final
