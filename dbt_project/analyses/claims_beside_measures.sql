with claims as (

    select * from {{ ref('rpt_claims') }}

),

-- Only amounts are divided: the second place is not twice the first.
compared as (

    select
        *,
        case
            when unit not in ('flag', 'rank') and measured_value > 0 and try_cast(claimed_value as double) > 0
                then measured_value / try_cast(claimed_value as double)
        end as ratio
    from claims
    where snapshot_date = (select max(latest.snapshot_date) from claims as latest)

),

final as (

    select
        claim_id as claim,
        statement,
        source,
        concat_ws(' ', comparator, claimed_value, unit) as claimed,
        coalesce(measured_text, printf('%.10g', round(measured_value, 4))) as measured,
        verdict,
        reason,
        measured_snapshot_date as measured_at,
        ratio,
        source_url,
        sentence
    from compared
    order by verdict, claim_id

)

select * from final
