with final as (

    {{ released_rows('fct_derivative_counts') }}

)

select * from final
