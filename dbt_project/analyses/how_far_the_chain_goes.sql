with chain as (

    select * from {{ ref('rpt_chain_coverage') }}

),

final as (

    select
        organization,
        papers_count as papers,
        papers_with_models_count as papers_with_models,
        models_count as models,
        models_with_derivatives_count as models_with_derivatives,
        derivatives_count as derivatives,
        derivatives_with_spaces_count as derivatives_with_spaces
    from chain
    where
        snapshot_date = (select max(latest.snapshot_date) from chain as latest)
        and organization <> 'unattributed'
        and papers_count is not null
    order by papers_count desc, models_count desc, organization asc
    limit 10

)

select * from final
