with final as (

    {{ released_rows('fct_download_concentration') }}

)

select * from final
