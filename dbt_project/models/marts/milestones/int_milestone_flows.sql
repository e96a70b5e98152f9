with milestones as (

    select * from {{ ref('fct_milestones') }}

),

models as (

    select * from {{ ref('int_models') }}

),

handle_days as (

    select * from {{ ref('int_handle_days') }}

),

windows as (

    {% for days in window_days() -%}
    select {{ days }} as window_days
    {%- if not loop.last %} union all{% endif %}
    {% endfor %}

),

hub_days as (

    select {{ utc_day('created_at') }} as day, count(*) as new_count from models
    where created_at is not null and not is_legacy_import
    group by {{ utc_day('created_at') }}

),

-- Many milestones share a day: sums are made once a day, window and account.
days as (

    select distinct event_date from milestones

),

handle_dates as (

    select distinct lower(handle) as handle_key, event_date from milestones
    where handle is not null

),

hub_sums as (

    select
        days.event_date,
        windows.window_days,
        sum(case when hub_days.day < days.event_date then hub_days.new_count end) as before_count,
        sum(case when hub_days.day >= days.event_date then hub_days.new_count end) as after_count
    from days
    cross join windows
    inner join hub_days
        on
            hub_days.day >= {{ days_after('days.event_date', '-windows.window_days') }}
            and hub_days.day < {{ days_after('days.event_date', 'windows.window_days') }}
    group by days.event_date, windows.window_days

),

handle_sums as (

    select
        handle_dates.handle_key,
        handle_dates.event_date,
        windows.window_days,
        handle_days.metric,
        sum(case when handle_days.day < handle_dates.event_date then handle_days.new_count end) as before_count,
        sum(case when handle_days.day >= handle_dates.event_date then handle_days.new_count end) as after_count
    from handle_dates
    cross join windows
    inner join handle_days
        on
            handle_dates.handle_key = handle_days.handle_key
            and handle_days.day >= {{ days_after('handle_dates.event_date', '-windows.window_days') }}
            and handle_days.day < {{ days_after('handle_dates.event_date', 'windows.window_days') }}
    group by handle_dates.handle_key, handle_dates.event_date, windows.window_days, handle_days.metric

),

metrics as (

    {% for metric in handle_flows() -%}
    select '{{ metric }}' as metric
    {%- if not loop.last %} union all{% endif %}
    {% endfor %}

),

final as (

    select
        milestones.milestone_id,
        'hub_new_models' as metric,
        cast(windows.window_days as bigint) as window_days,
        cast(coalesce(hub_sums.before_count, 0) as bigint) as before_count,
        cast(coalesce(hub_sums.after_count, 0) as bigint) as after_count
    from milestones
    cross join windows
    left join hub_sums
        on milestones.event_date = hub_sums.event_date and windows.window_days = hub_sums.window_days
    union all
    select
        milestones.milestone_id,
        metrics.metric,
        cast(windows.window_days as bigint) as window_days,
        cast(coalesce(handle_sums.before_count, 0) as bigint) as before_count,
        cast(coalesce(handle_sums.after_count, 0) as bigint) as after_count
    from milestones
    cross join windows
    cross join metrics
    left join handle_sums
        on
            lower(milestones.handle) = handle_sums.handle_key
            and milestones.event_date = handle_sums.event_date
            and windows.window_days = handle_sums.window_days
            and metrics.metric = handle_sums.metric
    where milestones.handle is not null

)

select * from final
