with claims as (

    select * from {{ ref('int_claims') }}

),

claim_days as (

    select * from {{ ref('int_claim_days') }}

),

measures as (

    select * from {{ ref('int_claim_measures') }}

),

subjects as (

    select * from {{ ref('int_claim_subjects') }}

),

infrastructure as (

    select * from {{ ref('registry_infrastructure') }}

),

snapshots as (

    select * from {{ ref('stg_hub__snapshots') }}

),

snapshot as (

    select max(snapshot_date) as snapshot_date, bool_and(is_synthetic) as is_all_synthetic from snapshots

),

lists as (

    select
        claims.claim_id,
        bool_or(snapshots.is_synthetic) as is_synthetic,
        bool_or(snapshots.is_sample) as is_sample,
        min(case when not snapshots.is_observed then snapshots.table_name end) as unobserved_table
    from claims
    inner join snapshots
        on concat(' ', claims.rests_on, ' ') like concat('% ', snapshots.table_name, ' %')
    group by claims.claim_id

),

external_numbers as (

    select
        subjects.claim_id,
        infrastructure.metric,
        infrastructure.external_value,
        infrastructure.source as external_source
    from subjects
    inner join infrastructure on subjects.subject = infrastructure.region

),

side_by_side as (

    select
        snapshot.snapshot_date,
        claims.*,
        measures.measured_value,
        measures.measured_text,
        measures.measured_snapshot_date,
        measures.context_value,
        measures.context,
        measures.claim_id is not null as is_measured,
        measures.is_covered,
        coalesce(claim_days.days_away <= 45, false) as is_near,
        coalesce(lists.is_sample, false) as is_sample,
        lists.unobserved_table,
        -- What an earlier day saw can be measured without today's list.
        lists.unobserved_table is null
        or coalesce(measures.measured_snapshot_date < snapshot.snapshot_date, false) as is_observed,
        external_numbers.external_value,
        external_numbers.external_source,
        {{ has_prefix('claims.metric', "'external.'") }} as is_external,
        -- A metric that rests on no table is made up where all tables are.
        coalesce(measures.is_synthetic, lists.is_synthetic, snapshot.is_all_synthetic) as is_synthetic
    from claims
    cross join snapshot
    left join lists on claims.claim_id = lists.claim_id
    left join claim_days on claims.claim_id = claim_days.claim_id
    left join measures on claims.claim_id = measures.claim_id
    left join external_numbers
        on
            claims.claim_id = external_numbers.claim_id
            and claims.metric = concat('external.', external_numbers.metric)

),

never_covered as (

    select
        *,
        case
            when is_external then null
            when gap is not null then gap
            when timing = 'near' and not is_near and {{ days_after('period_end_date', '45') }} < snapshot_date
                then concat('no snapshot within 45 days of ', as_of, ', and a day of the past cannot be crawled')
        end as never_reason
    from side_by_side

),

reasoned as (

    select
        *,
        case
            when is_external or never_reason is not null then null
            when not is_observed then concat('the list of ', replace(unobserved_table, '_', ' '), ' was not observed')
            when needs_whole_hub and is_sample then 'the snapshot is a sample of the Hub'
            when timing = 'near' and not is_near then concat('no snapshot within 45 days of ', as_of)
            when timing = 'any' and period_start_date > snapshot_date then concat('the snapshot is older than ', as_of)
            when not is_measured then 'the subject is not in the snapshot'
            when not is_covered
                then concat('the daily pages do not cover the 365 days up to ', cast(period_end_date as varchar))
            when metric = 'papers.upvotes_share_of_top' and context_value > 0.5
                then 'over half of the papers of that time name no organization'
            when measured_value is null and measured_text is null then 'nothing to compare with'
        end as outside_reason,
        case
            -- The sentence has two halves.
            when metric = 'organizations.releases_from_none'
                then measured_value >= claimed_number and context_value = 0
            when claimed_number is null
                then coalesce(measured_value = 1, lower(measured_text) = lower(claimed_value))
            when comparator = '=' then measured_value = claimed_number
            when comparator = '>=' then measured_value >= claimed_number
            when comparator = '~' then abs(measured_value - claimed_number) <= tolerance * abs(claimed_number)
        end as is_match
    from never_covered

),

judged as (

    select
        *,
        case
            when is_synthetic then 'sandbox'
            when is_external then 'external'
            when never_reason is not null then 'cannot_be_covered'
            when outside_reason is not null then 'outside_snapshot'
            when is_match then 'reproduced'
            else 'contradicted'
        end as verdict
    from reasoned

),

final as (

    select
        snapshot_date,
        claim_id,
        source,
        publisher,
        source_title,
        source_url,
        published_date,
        as_of,
        kind,
        subject,
        metric,
        comparator,
        claimed_value,
        unit,
        statement,
        sentence,
        wording,
        note,
        definition,
        tolerance,
        case when is_observed then measured_value end as measured_value,
        case when is_observed then measured_text end as measured_text,
        case when is_observed then measured_snapshot_date end as measured_snapshot_date,
        case when is_observed then context_value end as context_value,
        context,
        verdict,
        case verdict
            when 'cannot_be_covered' then never_reason
            when 'outside_snapshot' then outside_reason
        end as reason,
        external_value,
        external_source,
        is_synthetic
    from judged

)

select * from final
