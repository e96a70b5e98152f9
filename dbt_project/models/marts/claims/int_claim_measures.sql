{#- Each subject has a model of its own; milestones and papers, which are few, are measured here. -#}
{%- set groups = [
    'derivative_measures', 'organization_measures', 'repo_measures', 'milestone_measures',
    'paper_measures',
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

top_papers as (

    select * from {{ ref('int_claim_top_papers') }}

),

milestones as (

    select * from {{ ref('registry_milestones') }}

),

derivative_measures as (

    select * from {{ ref('int_claim_derivative_measures') }}

),

organization_measures as (

    select * from {{ ref('int_claim_organization_measures') }}

),

repo_measures as (

    select * from {{ ref('int_claim_repo_measures') }}

),

milestone_measures as (

    select
        claims.claim_id,
        case when count(milestones.milestone_id) > 0 then 1 else 0 end as measured_value,
        {{ joined('milestones.milestone_id') }} as measured_text,
        claim_days.measured_snapshot_date,
        cast(null as boolean) as is_synthetic
    from claims
    inner join claim_days on claims.claim_id = claim_days.claim_id
    inner join subjects on claims.claim_id = subjects.claim_id
    left join milestones
        on
            (subjects.subject_type = 'model' and lower(subjects.subject) = lower(milestones.repo_id))
            or (
                subjects.subject_type = 'policy'
                and milestones.event_type = 'policy'
                and position(subjects.subject in milestones.title) > 0
            )
    where claims.metric = 'milestones.present'
    group by claims.claim_id, claim_days.measured_snapshot_date

),

paper_measures as (

    select
        top_papers.claim_id,
        top_papers.named_top_share as measured_value,
        cast(null as varchar) as measured_text,
        claim_days.measured_snapshot_date,
        cast(null as boolean) as is_synthetic
    from top_papers
    inner join claim_days on top_papers.claim_id = claim_days.claim_id

),

measures as (

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
),

final as (

    select
        measures.claim_id,
        measures.measured_value,
        measures.measured_text,
        measures.measured_snapshot_date,
        top_papers.unlinked_papers_share as context_value,
        case
            when top_papers.claim_id is not null then 'share of all papers of that time that name no organization'
        end as context,
        coalesce(top_papers.is_covered, true) as is_covered,
        measures.is_synthetic
    from measures
    left join top_papers on measures.claim_id = top_papers.claim_id

)

select * from final
