with final as (

    {{ rows_of_release_before('dim_repos') }}

)

select * from final
