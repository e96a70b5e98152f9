with coverage as (

    select * from {{ ref('rpt_chain_coverage') }}

),

final as (

    select * from coverage
    where
        papers_with_models_count > papers_count
        or models_with_derivatives_count > models_count
        or derivatives_with_spaces_count > derivatives_count
        or datasets_with_models_count > datasets_count
        or (models_with_derivatives_count = 0) <> (derivatives_count = 0)

)

select * from final
