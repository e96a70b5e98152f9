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
refused as (

    {% for table_name, (key, pattern) in keys.items() -%}
    select
        snapshot_date,
        '{{ table_name }}' as table_name,
        {{ quarantine_key(key, pattern) }} as row_key,
        quarantine_rule as rule,
        quarantine_reason as reason
    from {{ table_name }}
    {% if not loop.last -%}
    union all
    {% endif -%}
    {%- endfor %}
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
