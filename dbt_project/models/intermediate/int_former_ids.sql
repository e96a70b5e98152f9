with renames as (

    select * from {{ ref('int_renames') }}

),

renames_before as (

    select * from {{ ref('registry_renames') }}

),

repo_ids as {{ read_anew() }} (

    select * from {{ ref('int_repo_ids') }}

),

bearers as (

    select renames.snapshot_date, lower(renames.former_id) as former_id_key, repo_ids.*
    from renames
    inner join repo_ids on renames.repo_type = repo_ids.repo_type and renames.repo_key = repo_ids.repo_key
    union all
    -- Renames that no snapshot has seen are older than those that one has.
    select cast(null as date) as snapshot_date, lower(renames_before.former_id) as former_id_key, repo_ids.*
    from renames_before
    inner join repo_ids
        on
            renames_before.repo_type = repo_ids.repo_type
            and lower(renames_before.repo_id) = lower(repo_ids.repo_id)

),

ordered as (

    select
        *,
        row_number() over (
            partition by repo_type, former_id_key
            order by snapshot_date desc nulls last, repo_id asc, repo_key asc
        ) as turn
    from bearers

),

final as (

    select repo_type, former_id_key, repo_key, repo_id from ordered
    where turn = 1

)

select * from final
