{{ config(meta={'dagster': {'ref': {'name': 'rpt_claims'}}}) }}
with claims as (

    select * from {{ ref('int_claims') }}

),

report as (

    select * from {{ ref('rpt_claims') }}

),

final as (

    select claims.claim_id, report.verdict, report.reason
    from claims
    left join report on claims.claim_id = report.claim_id
    where
        report.claim_id is null
        or (report.verdict = 'sandbox') <> report.is_synthetic
        or (
            report.verdict in ('reproduced', 'contradicted')
            and report.measured_value is null
            and report.measured_text is null
        )

)

select * from final
