{#- Each subject has a model of its own; papers, which are few, are measured here. -#}
{%- set groups = ['derivative_measures', 'organization_measures', 'repo_measures', 'paper_measures'] -%}
with claim_days as (

    select * from {{ ref('int_claim_days') }}

),

top_papers as (

    select * from {{ ref('int_claim_top_papers') }}

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
        {% if group == 'organization_measures' -%} context_value {%- else -%} cast(null as double) as context_value {%- endif %},
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
        coalesce(top_papers.unlinked_papers_share, measures.context_value) as context_value,
        case
            when top_papers.claim_id is not null then 'share of all papers of that time that name no organization'
            when measures.context_value is not null then 'repositories created in the year before'
        end as context,
        coalesce(top_papers.is_covered, true) as is_covered,
        measures.is_synthetic
    from measures
    left join top_papers on measures.claim_id = top_papers.claim_id

)

select * from final
