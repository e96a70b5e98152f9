{{ config(meta={'dagster': {'ref': {'name': 'int_derivative_counts'}}}) }}
{%- set columns = derivative_definitions() | reject('equalto', 'tagged') | list -%}
with counted as (

    select * from {{ ref('int_derivative_counts') }}

),

past_counts as (

    select * from {{ ref('int_past_derivative_counts') }}

),

side_by_side as (

    select
        cast(null as date) as past_snapshot_date,
        subject_type,
        subject,
        relation,
        {{ columns | join(', ') }}
    from counted
    union all
    select
        snapshot_date as past_snapshot_date,
        subject_type,
        subject,
        relation,
        {% for column in columns -%}
        max(case when definition = '{{ column }}' then value end) as {{ column }}
        {%- if not loop.last %},{% endif %}
        {% endfor %}
    from past_counts
    group by snapshot_date, subject_type, subject, relation

),

final as (

    select * from side_by_side
    where
        not (
            direct_external <= direct
            and direct <= transitive
            and direct <= declared
            and direct <= edges
            and fractional <= edges + 0.000001
            and direct_external <= transitive_external
            and transitive_external <= transitive
        )

)

select * from final
