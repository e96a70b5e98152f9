with claims as (

    select * from {{ ref('rpt_claims') }}

),

final as (

    select
        verdict,
        count(*) as claims
    from claims
    where snapshot_date = (select max(latest.snapshot_date) from claims as latest)
    group by verdict
    order by verdict

)

select * from final
