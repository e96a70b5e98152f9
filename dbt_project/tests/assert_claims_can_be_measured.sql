{{ config(meta={'dagster': {'ref': {'name': 'registry_claims'}}}) }}
with claims as (

    select * from {{ ref('registry_claims') }}

),

metrics as (

    select * from {{ ref('registry_claim_metrics') }}

),

subjects as (

    {{ claim_subjects('claims') }}

),

known as (

    select claims.*, metrics.metric as known_metric, metrics.value_type, metrics.subject_types
    from claims
    left join metrics on claims.metric = metrics.metric

),

problems as (

    select claim_id, concat('the metric ', coalesce(metric, '(none)'), ' is not in registry_claim_metrics') as problem
    from known
    where known_metric is null
    union all
    select claim_id, concat('the comparator ', coalesce(comparator, '(none)'), ' is none of =, >= and ~') as problem
    from known
    where coalesce(comparator not in ('=', '>=', '~'), true)
    union all
    select claim_id, concat('the comparator ', comparator, ' does not compare texts: = does') as problem
    from known
    where value_type = 'text' and comparator in ('>=', '~')
    union all
    select
        claim_id,
        concat('as_of is ', coalesce(as_of, '(none)'), ', not a YYYY, a YYYY-MM or a YYYY-MM-DD') as problem
    from known
    where
        not coalesce(
            {{ matches('as_of', "'^[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?$'") }}, false
        )
    union all
    select claim_id, concat('the claimed value ', coalesce(claimed_value, '(none)'), ' is not a number') as problem
    from known
    where
        claimed_value is null
        or (value_type = 'number' and not {{ matches('claimed_value', "'^-?[0-9]+([.][0-9]+)?$'") }})
    union all
    select
        claim_id,
        concat('the comparator ~ needs a tolerance, and a claim that is not measured about none: ', metric) as problem
    from known
    where (tolerance is not null) <> (comparator = '~' and kind <> 'external')
    union all
    -- Of 99.2 per cent 0.8 are left: a share is a claim about the rest as well.
    select
        claim_id,
        concat('the tolerance ', cast(tolerance as varchar), ' is as large as what is claimed') as problem
    from known
    where
        tolerance <= 0
        or tolerance >= 1
        or (
            unit = 'share'
            and tolerance * cast(claimed_value as double) >= 0.5 * (1 - cast(claimed_value as double))
        )
    union all
    select
        known.claim_id,
        concat(
            'the subject type ',
            coalesce(subjects.subject_type, '(none)'),
            ' is unknown to the metric, which is measured for: ',
            known.subject_types
        ) as problem
    from known
    left join subjects on known.claim_id = subjects.claim_id
    where
        known.known_metric is not null
        and coalesce(
            concat(' ', known.subject_types, ' ') not like concat('% ', subjects.subject_type, ' %'), true
        )

),

final as (

    select distinct claim_id, problem from problems

)

select * from final
