with final as (

    {{ released_rows('fct_top_ten_entries') }}

)

select * from final
