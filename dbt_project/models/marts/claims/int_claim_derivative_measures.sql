{#- Every group of metrics gives the same columns; what it does not tell is null. -#}
{%- set groups = [
    'derivative_measures', 'handle_rank_measures', 'ancestor_measures',
] -%}
with claims as (

    select * from {{ ref('int_claims') }}

),

subjects as (

    select * from {{ ref('int_claim_subjects') }}

),

claim_days as (

    select * from {{ ref('int_claim_days') }}

),

claim_models as (

    select * from {{ ref('int_claim_models') }}

),

ancestors as (

    select * from {{ ref('int_claim_ancestors') }}

),

derivative_counts as (

    select * from {{ ref('fct_derivative_counts') }}

),

models as {{ read_anew() }} (

    select * from {{ ref('int_models') }}

),

edges as (

    select * from {{ ref('int_lineage_edges') }}

),

-- Counts of families and companies: as they are, or as a ratio of sums. A subject without counts leaves its sum open.
subject_counts as (

    select
        claims.claim_id,
        claims.metric,
        claim_days.measured_snapshot_date,
        subjects.side,
        case when count(*) = count(derivative_counts.value) then sum(derivative_counts.value) end as value,
        count(derivative_counts.value) as known_count,
        bool_or(derivative_counts.is_synthetic) as is_synthetic
    from claims
    inner join claim_days on claims.claim_id = claim_days.claim_id
    inner join subjects on claims.claim_id = subjects.claim_id
    left join derivative_counts
        on
            claim_days.measured_snapshot_date = derivative_counts.snapshot_date
            and subjects.subject_type = derivative_counts.subject_type
            and subjects.subject = derivative_counts.subject
            and derivative_counts.relation = 'all'
            and derivative_counts.definition
            = case when claims.metric = 'derivatives.tagged' then 'tagged' else 'direct_external' end
    where
        claims.metric in ('derivatives.direct_external', 'derivatives.tagged', 'derivatives.direct_external.ratio')
    group by claims.claim_id, claims.metric, claim_days.measured_snapshot_date, subjects.side

),

derivative_measures as (

    select
        claim_id,
        case
            when metric = 'derivatives.direct_external.ratio'
                then
                    max(case when side = 'numerator' then value end)
                    / nullif(max(case when side = 'denominator' then value end), 0)
            else max(value)
        end as measured_value,
        cast(null as varchar) as measured_text,
        measured_snapshot_date,
        bool_or(is_synthetic) as is_synthetic
    from subject_counts
    group by claim_id, metric, measured_snapshot_date
    having min(known_count) > 0

),

-- Models that share the handle of a claim's model, those without derivatives included.
siblings as (

    select
        claim_models.claim_id,
        models.model_id,
        models.model_id = claim_models.model_id as is_subject,
        count(distinct edges.child_id) as children_count
    from claim_models
    inner join models on claim_models.handle = models.handle
    left join edges on models.model_id = edges.parent_id and edges.is_counted
    where claim_models.metric = 'derivatives.rank_within_handle'
    group by claim_models.claim_id, models.model_id, claim_models.model_id

),

ranked_siblings as (

    select
        claim_id,
        is_subject,
        dense_rank() over (partition by claim_id order by children_count desc) as sibling_rank
    from siblings

),

handle_rank_measures as (

    select
        ranked_siblings.claim_id,
        ranked_siblings.sibling_rank as measured_value,
        cast(null as varchar) as measured_text,
        claim_days.measured_snapshot_date,
        cast(null as boolean) as is_synthetic
    from ranked_siblings
    inner join claim_days on ranked_siblings.claim_id = claim_days.claim_id
    where ranked_siblings.is_subject

),

ancestor_measures as (

    select
        claim_models.claim_id,
        max(case when ancestors.ancestor_handle_key = lower(claim_models.claimed_value) then 1 else 0 end)
            as measured_value,
        {{ joined('ancestors.ancestor_handle') }} as measured_text,
        claim_days.measured_snapshot_date,
        cast(null as boolean) as is_synthetic
    from claim_models
    inner join claim_days on claim_models.claim_id = claim_days.claim_id
    left join ancestors on claim_models.claim_id = ancestors.claim_id
    where claim_models.metric = 'lineage.ancestor_handle'
    group by claim_models.claim_id, claim_days.measured_snapshot_date

),

final as (

    {% for group in groups -%}
    select
        claim_id,
        cast(measured_value as double) as measured_value,
        measured_text,
        measured_snapshot_date,
        is_synthetic
    from {{ group }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select * from final
