with snapshots as (

    select * from {{ ref('stg_hub__snapshots') }}

),

milestones as (

    select * from {{ ref('fct_milestones') }}

),

papers as (

    select * from {{ ref('fct_papers') }}

),

flows as (

    select * from {{ ref('int_milestone_flows') }}

),

near_snapshots as (

    select * from {{ ref('int_milestone_snapshots') }}

),

tables as (

    select
        bool_or(is_synthetic and table_name = 'models') as is_models_synthetic,
        bool_or(is_synthetic and table_name = 'daily_papers') as is_papers_synthetic
    from snapshots

),

pages as (

    select min(first_daily_date) as first_page_date, max(first_daily_date) as last_page_date from papers

),

windows as (

    {% for days in window_days() -%}
    select {{ days }} as window_days
    {%- if not loop.last %} union all{% endif %}
    {% endfor %}

),

flow_rows as (

    select
        flows.milestone_id,
        flows.metric,
        flows.window_days,
        cast(flows.before_count as double) as number_before,
        cast(flows.after_count as double) as number_after,
        cast(null as date) as before_observed_date,
        cast(null as date) as at_observed_date,
        cast(null as date) as after_observed_date,
        coalesce(
            milestones.date_precision = 'day'
            and {{ days_after('milestones.event_date', 'flows.window_days') }} <= milestones.snapshot_date
            and case
                when flows.metric = 'handle_new_papers'
                    then
                        pages.first_page_date
                        <= {{ days_after('milestones.event_date', '-flows.window_days') }}
                        -- Pages may end before the snapshot does; a day without a page is then no day without papers.
                        and pages.last_page_date
                        >= {{ days_after('milestones.event_date', 'flows.window_days - 1') }}
                -- Creation dates begin on this day, with the legacy imports.
                else
                    {{ days_after('milestones.event_date', '-flows.window_days') }}
                    > cast({{ utc_timestamp(var('legacy_import_until')) }} as date)
            end,
            false
        ) as is_covered,
        case
            when flows.metric = 'handle_new_papers' then tables.is_papers_synthetic
            else tables.is_models_synthetic
        end as is_synthetic
    from flows
    inner join milestones on flows.milestone_id = milestones.milestone_id
    cross join pages
    cross join tables

),

side_by_side as (

    select
        handle_key,
        event_date,
        window_days,
        {% for point in ['before', 'at', 'after'] -%}
        max(case when point = '{{ point }}' then observed_date end) as {{ point }}_observed_date,
        {% for gain, column in gains() -%}
        max(case when point = '{{ point }}' then {{ column }} end) as {{ column }}_{{ point }},
        {% endfor %}
        {%- endfor -%}
        bool_or(is_synthetic) as is_synthetic
    from near_snapshots
    group by handle_key, event_date, window_days

),

gain_rows as (

    {% for gain, column in gains() -%}
    select
        milestones.milestone_id,
        '{{ gain }}' as metric,
        windows.window_days,
        cast(side_by_side.{{ column }}_at - side_by_side.{{ column }}_before as double) as number_before,
        cast(side_by_side.{{ column }}_after - side_by_side.{{ column }}_at as double) as number_after,
        side_by_side.before_observed_date,
        side_by_side.at_observed_date,
        side_by_side.after_observed_date,
        coalesce(
            milestones.date_precision = 'day'
            and side_by_side.{{ column }}_before is not null
            and side_by_side.{{ column }}_at is not null
            and side_by_side.{{ column }}_after is not null,
            false
        ) as is_covered,
        coalesce(side_by_side.is_synthetic, tables.is_models_synthetic) as is_synthetic
    from milestones
    cross join windows
    cross join tables
    left join side_by_side
        on
            lower(milestones.handle) = side_by_side.handle_key
            and milestones.event_date = side_by_side.event_date
            and windows.window_days = side_by_side.window_days
    where milestones.handle is not null
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

measured as (

    select * from flow_rows
    union all
    select * from gain_rows

),

final as (

    select
        milestones.snapshot_date,
        milestones.milestone_id,
        milestones.event_date,
        milestones.date_precision,
        milestones.handle,
        measured.metric,
        cast(measured.window_days as bigint) as window_days,
        case when measured.is_covered then measured.number_before end as value_before,
        case when measured.is_covered then measured.number_after end as value_after,
        case when measured.is_covered then measured.number_after / nullif(measured.number_before, 0) end as ratio,
        measured.before_observed_date,
        measured.at_observed_date,
        measured.after_observed_date,
        measured.is_covered as is_complete,
        measured.is_synthetic
    from measured
    inner join milestones on measured.milestone_id = milestones.milestone_id

)

select * from final
