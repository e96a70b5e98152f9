with final as (

    {{ released_rows('fct_tombstones') }}

)

select * from final
