with renames as (

    select * from {{ ref('int_renames') }}

),

models as (

    select * from {{ ref('int_models') }}

),

bearers as (

    select
        lower(renames.former_id) as former_id_key,
        models.model_id,
        row_number() over (
            partition by lower(renames.former_id)
            order by renames.snapshot_date desc, models.repo_id asc, models.repo_key asc
        ) as turn
    from renames
    inner join models on renames.repo_key = models.repo_key
    where renames.repo_type = 'model'

),

final as (

    select former_id_key, model_id from bearers
    where turn = 1

)

select * from final
