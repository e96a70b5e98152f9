with claims as (

    select * from {{ ref('rpt_claims') }}

),

final as (

    select
        claim_id,
        statement,
        sentence,
        publisher,
        source_url,
        published_date,
        as_of,
        comparator,
        claimed_value,
        coalesce(measured_text, cast(measured_value as varchar)) as measured,
        measured_snapshot_date,
        definition
    from claims
    where
        snapshot_date = (select max(latest.snapshot_date) from claims as latest)
        and verdict = 'contradicted'
    order by claim_id

)

select * from final
