with claims as (

    select * from {{ ref('int_claims') }}

),

subjects as (

    select * from {{ ref('int_claim_subjects') }}

),

models as (

    select * from {{ ref('int_models') }}

),

same_named as (

    select
        claims.claim_id,
        claims.metric,
        claims.claimed_value,
        models.model_id,
        models.repo_key,
        models.repo_id,
        models.handle,
        models.likes,
        row_number() over (
            partition by claims.claim_id
            order by case when models.repo_id = subjects.subject then 0 else 1 end, models.repo_id, models.repo_key
        ) as turn
    from claims
    inner join subjects on claims.claim_id = subjects.claim_id and subjects.subject_type = 'model'
    inner join models on lower(subjects.subject) = lower(models.repo_id)

),

final as (

    select claim_id, metric, claimed_value, model_id, repo_key, repo_id, handle, likes from same_named
    where turn = 1

)

select * from final
