with milestones as (

    select * from {{ ref('fct_milestones') }}

),

organization_snapshots as (

    select * from {{ ref('fct_organization_snapshots') }}

),

points as (

    {% for days in window_days() -%}
    {%- for point, offset in [('before', -days), ('at', 0), ('after', days)] -%}
    select {{ days }} as window_days, '{{ point }}' as point, {{ offset }} as offset_days, {{ days // 10 }} as room_days
    {%- if not loop.last %} union all {% endif %}
    {% endfor %}
    {%- if not loop.last %} union all {% endif %}
    {%- endfor %}

),

dates as (

    select distinct lower(milestones.handle) as handle_key, milestones.event_date from milestones
    where milestones.handle is not null

),

targets as (

    select
        dates.handle_key,
        dates.event_date,
        points.window_days,
        points.point,
        points.room_days,
        {{ days_after('dates.event_date', 'points.offset_days') }} as target_date
    from dates
    cross join points

),

observed as (

    select
        lower(handle) as handle_key,
        snapshot_date,
        followers_count,
        downloads_all_time,
        likes,
        is_synthetic or is_followers_synthetic as is_synthetic
    from organization_snapshots

),

near as (

    select
        targets.handle_key,
        targets.event_date,
        targets.window_days,
        targets.point,
        observed.snapshot_date as observed_date,
        observed.followers_count,
        observed.downloads_all_time,
        observed.likes,
        observed.is_synthetic,
        row_number() over (
            partition by targets.handle_key, targets.event_date, targets.window_days, targets.point
            order by abs({{ days_between('targets.target_date', 'observed.snapshot_date') }}), observed.snapshot_date
        ) as turn
    from targets
    inner join observed
        on
            targets.handle_key = observed.handle_key
            and abs({{ days_between('targets.target_date', 'observed.snapshot_date') }}) <= targets.room_days

),

final as (

    select
        handle_key,
        event_date,
        cast(window_days as bigint) as window_days,
        point,
        observed_date,
        followers_count,
        downloads_all_time,
        likes,
        is_synthetic
    from near
    where turn = 1

)

select * from final
