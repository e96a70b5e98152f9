with models as (

    select * from {{ ref('stg_hub__models') }}

),

handles as (

    select * from {{ ref('int_handles') }}

),

edges as (

    select * from {{ ref('int_lineage_edges') }}

),

children as (

    select distinct child_id from edges
    where is_counted

),

candidates as (

    select
        handles.organization,
        handles.handle,
        models.repo_key,
        models.repo_id,
        models.created_at,
        models.parameters_count
    from models
    inner join handles on lower(models.handle) = handles.handle_key and handles.is_in_registry
    left join children on models.row_id = children.child_id
    where
        children.child_id is null
        and models.parameters_count is not null
        and models.created_at is not null
        and not models.is_legacy_import

),

compared as (

    select
        *,
        max(parameters_count) over (
            order by created_at, repo_id, repo_key
            rows between unbounded preceding and 1 preceding
        ) as largest_before
    from candidates

),

-- Two repositories of one id are possible while the Hub is listed; the first one counts.
records as (

    select *, row_number() over (partition by repo_id order by created_at, repo_key) as turn from compared
    where largest_before is null or parameters_count > largest_before

),

final as (

    select organization, handle, repo_id, created_at, parameters_count from records
    where turn = 1

)

select * from final
