{%- set columns = [
    'snapshot_date', 'repo_key', 'repo_id', 'handle', 'size_class', 'adoption_day', 'age_days', 'downloads_all_time',
    'is_in_registry', 'is_synthetic',
] -%}
with repos as (

    select * from {{ ref('dim_repos') }}

),

handles as (

    select * from {{ ref('int_handles') }}

),

history as (

    select * from {{ ref('stg_release__model_adoption') }}

),

aged as (

    select
        *,
        -- The downloads of a row that an incremental day has carried on are those of the day it was observed.
        {{ days_between(utc_day('created_at'), 'least(snapshot_date, ' ~ utc_day('observed_at') ~ ')') }} as age_days
    from repos
    where
        repo_type = 'model'
        and not is_legacy_import
        and created_at is not null
        and size_class <> 'unknown'
        and downloads_all_time is not null

),

candidates as (

    select *, {{ adoption_day('age_days') }} as adoption_day from aged

),

ordered as (

    select
        *,
        row_number() over (
            partition by size_class, adoption_day
            order by downloads_all_time desc, repo_key asc
        ) as turn
    from candidates
    where adoption_day is not null

),

current_rows as (

    select
        ordered.snapshot_date,
        ordered.repo_key,
        ordered.repo_id,
        ordered.handle,
        ordered.size_class,
        ordered.adoption_day,
        ordered.age_days,
        ordered.downloads_all_time,
        coalesce(handles.is_in_registry, false) as is_in_registry,
        ordered.is_synthetic
    from ordered
    left join handles on ordered.handle = handles.handle
    left join history on ordered.repo_key = history.repo_key and ordered.adoption_day = history.adoption_day
    where
        history.repo_key is null
        and (handles.is_in_registry or ordered.turn <= 10)

),

final as (

    select {{ columns | join(', ') }} from current_rows
    union all
    select {{ columns | join(', ') }} from history

)

select * from final
