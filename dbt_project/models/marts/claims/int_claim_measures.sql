{#- Every group of metrics gives the same columns; what it does not tell is null. -#}
{%- set groups = [
    'derivative_measures', 'family_rank_measures', 'handle_rank_measures', 'followers_measures', 'paper_measures',
    'milestone_measures', 'release_measures', 'country_measures', 'licence_share_measures', 'likes_measures',
    'licence_measures', 'ancestor_measures', 'repo_measures', 'concentration_measures',
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

top_papers as (

    select * from {{ ref('int_claim_top_papers') }}

),

creations as (

    select * from {{ ref('int_claim_creations') }}

),

derivative_counts as {{ read_anew() }} (

    select * from {{ ref('fct_derivative_counts') }}

),

organization_snapshots as (

    select * from {{ ref('fct_organization_snapshots') }}

),

country_snapshots as (

    select * from {{ ref('fct_country_snapshots') }}

),

download_concentration as (

    select * from {{ ref('fct_download_concentration') }}

),

milestones as (

    select * from {{ ref('registry_milestones') }}

),

repos as {{ read_anew() }} (

    select * from {{ ref('int_repos') }}

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

ranked_families as (

    select
        snapshot_date,
        subject,
        dense_rank() over (partition by snapshot_date order by value desc) as family_rank,
        is_synthetic
    from derivative_counts
    where subject_type = 'family' and relation = 'all' and definition = 'direct_external'

),

family_rank_measures as (

    select
        claims.claim_id,
        ranked_families.family_rank as measured_value,
        cast(null as varchar) as measured_text,
        ranked_families.snapshot_date as measured_snapshot_date,
        ranked_families.is_synthetic
    from claims
    inner join claim_days on claims.claim_id = claim_days.claim_id
    inner join subjects on claims.claim_id = subjects.claim_id
    inner join ranked_families
        on
            claim_days.measured_snapshot_date = ranked_families.snapshot_date
            and subjects.subject = ranked_families.subject
    where claims.metric = 'derivatives.rank'

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

followers_measures as (

    select
        claims.claim_id,
        organization_snapshots.followers_rank as measured_value,
        cast(null as varchar) as measured_text,
        organization_snapshots.snapshot_date as measured_snapshot_date,
        organization_snapshots.is_followers_synthetic as is_synthetic
    from claims
    inner join claim_days on claims.claim_id = claim_days.claim_id
    inner join subjects on claims.claim_id = subjects.claim_id
    inner join organization_snapshots
        on
            claim_days.measured_snapshot_date = organization_snapshots.snapshot_date
            and lower(subjects.subject) = lower(organization_snapshots.handle)
    where claims.metric = 'organizations.followers_rank'

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

-- A company of the registry that made nothing in a year made zero.
releases as (

    select
        claims.claim_id,
        claims.metric,
        claim_days.measured_snapshot_date,
        coalesce(sum(
            case
                when extract(year from creations.created_date) = extract(year from claims.period_start_date)
                    then creations.new_repos_count
            end
        ), 0) as year_count,
        coalesce(sum(
            case
                when extract(year from creations.created_date) = extract(year from claims.period_start_date) - 1
                    then creations.new_repos_count
            end
        ), 0) as year_before_count
    from claims
    inner join claim_days on claims.claim_id = claim_days.claim_id
    inner join subjects on claims.claim_id = subjects.claim_id and subjects.is_known
    left join creations on subjects.subject = creations.company
    where claims.metric in ('organizations.releases_year', 'organizations.releases_growth')
    group by claims.claim_id, claims.metric, claim_days.measured_snapshot_date

),

release_measures as (

    select
        claim_id,
        case
            when metric = 'organizations.releases_year' then cast(year_count as double)
            else cast(year_count as double) / nullif(year_before_count, 0)
        end as measured_value,
        cast(null as varchar) as measured_text,
        measured_snapshot_date,
        cast(null as boolean) as is_synthetic
    from releases

),

country_measures as (

    select
        claims.claim_id,
        case
            when claims.metric = 'countries.new_model_downloads_rank' then country_snapshots.young_downloads_rank
            else country_snapshots.young_downloads_share
        end as measured_value,
        cast(null as varchar) as measured_text,
        country_snapshots.snapshot_date as measured_snapshot_date,
        country_snapshots.is_synthetic
    from claims
    inner join claim_days on claims.claim_id = claim_days.claim_id
    inner join subjects on claims.claim_id = subjects.claim_id
    inner join country_snapshots
        on
            claim_days.measured_snapshot_date = country_snapshots.snapshot_date
            and subjects.subject = country_snapshots.country
            and country_snapshots.country_rule = 'headquarters'
    where claims.metric in ('countries.new_model_downloads_rank', 'countries.download_share_1y')

),

licence_share_measures as (

    select
        claims.claim_id,
        cast(sum(creations.new_apache_2_0_count) as double) / sum(creations.new_repos_count) as measured_value,
        cast(null as varchar) as measured_text,
        claim_days.measured_snapshot_date,
        cast(null as boolean) as is_synthetic
    from claims
    inner join claim_days on claims.claim_id = claim_days.claim_id
    inner join subjects on claims.claim_id = subjects.claim_id
    inner join creations
        on
            subjects.subject = creations.headquarters_country
            and creations.repo_type = 'model'
    where
        claims.metric = 'organizations.license_share.apache-2.0'
        -- The claim is about what was released after DeepSeek-R1.
        and creations.created_date >= greatest(claims.period_start_date, cast('2025-01-20' as date))
        and creations.created_date <= claims.period_end_date
    group by claims.claim_id, claim_days.measured_snapshot_date

),

likes_measures as (

    select
        claim_models.claim_id,
        case
            when max(claim_models.likes) is not null
                then 1 + count(distinct case when models.likes > claim_models.likes then models.likes end)
        end as measured_value,
        cast(null as varchar) as measured_text,
        claim_days.measured_snapshot_date,
        cast(null as boolean) as is_synthetic
    from claim_models
    inner join claim_days on claim_models.claim_id = claim_days.claim_id
    -- With all models, once a claim of this metric.
    cross join models
    where claim_models.metric = 'models.likes_rank'
    group by claim_models.claim_id, claim_days.measured_snapshot_date

),

licence_measures as (

    select
        claim_models.claim_id,
        cast(null as double) as measured_value,
        repos.licence as measured_text,
        claim_days.measured_snapshot_date,
        cast(null as boolean) as is_synthetic
    from claim_models
    inner join claim_days on claim_models.claim_id = claim_days.claim_id
    inner join repos on claim_models.repo_key = repos.repo_key and repos.repo_type = 'model'
    where claim_models.metric = 'models.license'

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

repo_counts as (

    select repo_type, count(*) as repos_count from repos
    group by repo_type

),

repo_measures as (

    select
        claims.claim_id,
        repo_counts.repos_count as measured_value,
        cast(null as varchar) as measured_text,
        claim_days.measured_snapshot_date,
        cast(null as boolean) as is_synthetic
    from claims
    inner join claim_days on claims.claim_id = claim_days.claim_id
    inner join repo_counts on claims.metric = concat('repos.count.', repo_counts.repo_type, 's')

),

concentration_measures as (

    select
        claims.claim_id,
        download_concentration.top_1_5_percent_share as measured_value,
        cast(null as varchar) as measured_text,
        download_concentration.snapshot_date as measured_snapshot_date,
        download_concentration.is_synthetic
    from claims
    inner join claim_days on claims.claim_id = claim_days.claim_id
    inner join download_concentration
        on
            claim_days.measured_snapshot_date = download_concentration.snapshot_date
            and download_concentration.repo_type = 'model'
            and download_concentration.metric = 'downloads_30d'
    where claims.metric = 'concentration.share_of_downloads_by_top_1.5_percent'

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
