with claims as (

    select * from {{ ref('registry_claims') }}

),

metrics as (

    select * from {{ ref('registry_claim_metrics') }}

),

dated as (

    select
        *,
        case length(as_of)
            when 4 then cast(concat(as_of, '-01-01') as date)
            when 7 then cast(concat(as_of, '-01') as date)
            else cast(as_of as date)
        end as period_start_date,
        case length(as_of)
            when 4 then cast(concat(as_of, '-12-31') as date)
            when 7 then last_day(cast(concat(as_of, '-01') as date))
            else cast(as_of as date)
        end as period_end_date
    from claims

),

final as (

    select
        dated.claim_id,
        dated.source,
        dated.publisher,
        dated.source_title,
        dated.source_url,
        dated.published_date,
        dated.as_of,
        dated.period_start_date,
        dated.period_end_date,
        dated.kind,
        dated.subject,
        dated.metric,
        dated.comparator,
        dated.claimed_value,
        case when metrics.value_type = 'number' then cast(dated.claimed_value as double) end as claimed_number,
        coalesce(dated.tolerance, 0) as tolerance,
        dated.unit,
        dated.statement,
        dated.sentence,
        dated.wording,
        dated.note,
        metrics.definition,
        metrics.rests_on,
        metrics.needs_whole_hub,
        metrics.timing,
        metrics.gap
    from dated
    inner join metrics on dated.metric = metrics.metric

)

select * from final
