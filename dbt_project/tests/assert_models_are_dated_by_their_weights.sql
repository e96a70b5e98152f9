{{ config(meta={'dagster': {'ref': {'name': 'registry_milestones'}}}) }}
with milestones as (

    select * from {{ ref('registry_milestones') }}

),

-- The Hub filled in the day of its floor for whatever is older.
final as (

    select milestone_id, 'is dated before its repository was made: date it by its weights' as problem
    from milestones
    where
        event_type = 'model'
        and hub_created_at > event_date
        and hub_created_at > cast({{ utc_timestamp(var('legacy_import_until')) }} as date)

)

select * from final
