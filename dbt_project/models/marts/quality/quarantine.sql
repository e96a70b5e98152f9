{%- set keys = {
    'models': ('repo_id', listed_id_pattern()),
    'datasets': ('repo_id', listed_id_pattern()),
    'spaces': ('repo_id', repo_id_pattern()),
    'organizations': ('handle', handle_pattern()),
    'daily_papers': ('paper_id', paper_id_pattern()),
} -%}
with {% for table_name in keys -%}
{{ table_name }} as (

    select * from {{ ref('base_hub__' ~ table_name) }}
    where quarantine_reason is not null

),

{% endfor -%}
edges as (

    select * from {{ ref('int_lineage_edges') }}

),

refused as (

    {% for table_name, (key, pattern) in keys.items() -%}
    select
        snapshot_date,
        '{{ table_name }}' as table_name,
        {{ quarantine_key(key, pattern) }} as row_key,
        quarantine_rule as rule,
        quarantine_reason as reason
    from {{ table_name }}
    union all
    {% endfor -%}
    select
        snapshot_date,
        'lineage_edges' as table_name,
        child_repo_id as row_key,
        concat('edge_', status) as rule,
        concat('edge_', status) as reason
    from edges
    where status in ('self_loop', 'not_a_repo_id', 'unresolved')
),

final as (

    select
        snapshot_date,
        table_name,
        row_key,
        rule,
        reason,
        count(*) as rows_count
    from refused
    group by snapshot_date, table_name, row_key, rule, reason

)

select * from final
