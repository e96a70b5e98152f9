with snapshots as (

    select * from {{ ref('stg_hub__snapshots') }}

),

milestones as (

    select * from {{ ref('registry_milestones') }}

),

models as (

    select * from {{ ref('stg_hub__models') }}

),

same_named as (

    select
        milestones.milestone_id,
        models.repo_key,
        models.created_at,
        models.is_legacy_import,
        row_number() over (
            partition by milestones.milestone_id
            order by case when models.repo_id = milestones.repo_id then 0 else 1 end, models.repo_id, models.repo_key
        ) as turn
    from milestones
    inner join models on lower(milestones.repo_id) = lower(models.repo_id)

),

repos as (

    select * from same_named
    where turn = 1

),

final as (

    select
        snapshots.snapshot_date,
        milestones.milestone_id,
        milestones.event_date,
        milestones.date_precision,
        milestones.event_type,
        milestones.organization,
        milestones.handle,
        milestones.repo_id,
        milestones.title,
        milestones.hub_created_at as recorded_repo_created_date,
        repos.repo_key is not null as is_repo_observed,
        repos.created_at as repo_created_at,
        repos.is_legacy_import,
        'source' as evidence_type,
        milestones.source_url,
        snapshots.is_synthetic
    from milestones
    inner join snapshots on snapshots.table_name = 'models'
    left join repos on milestones.milestone_id = repos.milestone_id

)

select * from final
