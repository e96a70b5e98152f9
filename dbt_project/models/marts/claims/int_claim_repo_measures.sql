{#- Every group of metrics gives the same columns; what it does not tell is null. -#}
{%- set groups = [
    'likes_measures', 'licence_measures', 'repo_measures', 'concentration_measures',
] -%}
with claims as (

    select * from {{ ref('int_claims') }}

),

claim_days as (

    select * from {{ ref('int_claim_days') }}

),

claim_models as (

    select * from {{ ref('int_claim_models') }}

),

download_concentration as (

    select * from {{ ref('fct_download_concentration') }}

),

repos as {{ read_anew() }} (

    select * from {{ ref('int_repos') }}

),

models as {{ read_anew() }} (

    select * from {{ ref('int_models') }}

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
            and download_concentration.metric = 'downloads_all_time'
    where claims.metric = 'concentration.share_of_downloads_by_top_1.5_percent'

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
