with models as {{ read_anew() }} (

    select * from {{ ref('int_models') }}

),

edges as (

    select * from {{ ref('int_lineage_edges') }}

),

papers as (

    select * from {{ ref('fct_papers') }}

),

milestones as (

    select * from {{ ref('fct_milestones') }}

),

milestone_handles as (

    select distinct lower(handle) as handle_key from milestones
    where handle is not null

),

dated_models as (

    select
        model_id,
        lower(handle) as handle_key,
        organization,
        {{ utc_day('created_at') }} as created_date
    from models
    where created_at is not null and not is_legacy_import

),

new_models as (

    select dated_models.handle_key, dated_models.created_date as day, count(*) as new_count
    from dated_models
    inner join milestone_handles on dated_models.handle_key = milestone_handles.handle_key
    group by dated_models.handle_key, dated_models.created_date

),

-- A parent of any age, a child with a date of its own.
new_derivatives as (

    select
        milestone_handles.handle_key,
        children.created_date as day,
        count(distinct children.model_id) as new_count
    from edges
    inner join models as parents on edges.parent_id = parents.model_id
    inner join milestone_handles on lower(parents.handle) = milestone_handles.handle_key
    inner join dated_models as children on edges.child_id = children.model_id
    where edges.is_counted and coalesce(children.organization, '') <> coalesce(parents.organization, '')
    group by milestone_handles.handle_key, children.created_date

),

new_papers as (

    select milestone_handles.handle_key, papers.first_daily_date as day, count(*) as new_count
    from papers
    inner join milestone_handles on lower(papers.handle) = milestone_handles.handle_key
    group by milestone_handles.handle_key, papers.first_daily_date

),

final as (

    select 'handle_new_models' as metric, handle_key, day, cast(new_count as bigint) as new_count from new_models
    union all
    select 'handle_new_derivatives' as metric, handle_key, day, cast(new_count as bigint) as new_count
    from new_derivatives
    union all
    select 'handle_new_papers' as metric, handle_key, day, cast(new_count as bigint) as new_count from new_papers

)

select * from final
