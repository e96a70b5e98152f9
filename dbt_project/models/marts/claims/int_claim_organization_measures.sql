{#- Every group of metrics gives the same columns; what it does not tell is null. -#}
{%- set groups = [
    'followers_measures', 'release_measures', 'licence_share_measures', 'country_measures',
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

creations as (

    select * from {{ ref('int_claim_creations') }}

),

organization_snapshots as (

    select * from {{ ref('fct_organization_snapshots') }}

),

country_snapshots as (

    select * from {{ ref('fct_country_snapshots') }}

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
    where claims.metric in ('organizations.releases_from_none', 'organizations.releases_growth')
    group by claims.claim_id, claims.metric, claim_days.measured_snapshot_date

),

release_measures as (

    select
        claim_id,
        case
            when metric = 'organizations.releases_from_none' then cast(year_count as double)
            else cast(year_count as double) / nullif(year_before_count, 0)
        end as measured_value,
        cast(null as varchar) as measured_text,
        measured_snapshot_date,
        case when metric = 'organizations.releases_from_none' then cast(year_before_count as double) end
            as context_value,
        cast(null as boolean) as is_synthetic
    from releases

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

country_measures as (

    select
        claims.claim_id,
        country_snapshots.young_downloads_rank as measured_value,
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
            and country_snapshots.country_rule = 'base_model'
    where claims.metric = 'countries.new_model_downloads_rank'

),

final as (

    {% for group in groups -%}
    select
        claim_id,
        cast(measured_value as double) as measured_value,
        measured_text,
        measured_snapshot_date,
        {% if group == 'release_measures' -%} context_value {%- else -%} cast(null as double) as context_value {%- endif %},
        is_synthetic
    from {{ group }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select * from final
