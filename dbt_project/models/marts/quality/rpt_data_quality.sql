{%- set tables = ['models', 'datasets', 'spaces', 'organizations', 'daily_papers'] -%}
with snapshots as (

    select * from {{ ref('stg_hub__snapshots') }}

),

quarantine as (

    select * from {{ ref('quarantine') }}

),

edges as (

    select * from {{ ref('int_lineage_edges') }}

),

closure_components as (

    select * from {{ ref('int_lineage_components') }}

),

comparisons as (

    select * from {{ ref('int_comparison_checks') }}

),

{% for table_name in tables -%}
{{ table_name }} as (

    select * from {{ ref('stg_hub__' ~ table_name) }}

),

{% endfor -%}
clean_counts as (

    {% for table_name in tables -%}
    select '{{ table_name }}' as table_name, count(*) as rows_count from {{ table_name }}
    {%- if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}

),

rules as (

    {% for table_name in tables -%}
    {% set outer_loop = loop -%}
    {% for rule in row_rules(table_name) | map(attribute=0) | list + ['duplicate_key'] -%}
    select '{{ table_name }}' as table_name, '{{ rule }}' as rule
    {%- if not (loop.last and outer_loop.last) %}
    union all
    {% endif %}
    {%- endfor %}
    {%- endfor %}

),

quarantined as (

    select table_name, rule, sum(rows_count) as rows_count from quarantine
    group by table_name, rule

),

quarantined_totals as (

    select table_name, sum(rows_count) as rows_count from quarantined
    group by table_name

),

row_rule_checks as (

    select
        concat('quarantined_', rules.rule) as check_name,
        'staging' as layer,
        rules.table_name,
        clean_counts.rows_count + coalesce(quarantined_totals.rows_count, 0) as rows_tested,
        coalesce(quarantined.rows_count, 0) as rows_failing,
        'warn' as severity
    from rules
    inner join clean_counts on rules.table_name = clean_counts.table_name
    left join quarantined_totals on rules.table_name = quarantined_totals.table_name
    left join quarantined on rules.table_name = quarantined.table_name and rules.rule = quarantined.rule

),

reconciliation_checks as (

    select
        'raw_rows_kept_or_quarantined' as check_name,
        'staging' as layer,
        clean_counts.table_name,
        coalesce(snapshots.rows_count, 0) as rows_tested,
        abs(
            coalesce(snapshots.rows_count, 0)
            - clean_counts.rows_count - coalesce(quarantined_totals.rows_count, 0)
        ) as rows_failing,
        'error' as severity
    from clean_counts
    left join snapshots on clean_counts.table_name = snapshots.table_name
    left join quarantined_totals on clean_counts.table_name = quarantined_totals.table_name

),

completeness_checks as (

    select
        'raw_table_complete' as check_name,
        'raw' as layer,
        clean_counts.table_name,
        coalesce(snapshots.rows_count, 0) as rows_tested,
        -- At least one, for a table without rows or without manifest is not complete either.
        case when snapshots.is_complete then 0 else greatest(coalesce(snapshots.rows_count, 0), 1) end as rows_failing,
        'error' as severity
    from clean_counts
    left join snapshots on clean_counts.table_name = snapshots.table_name

),

not_found_checks as (

    select
        'organization_not_found' as check_name,
        'raw' as layer,
        table_name,
        rows_count + not_found_count as rows_tested,
        not_found_count as rows_failing,
        'warn' as severity
    from snapshots
    -- A table that the source does not have was not asked for either.
    where table_name = 'organizations' and is_observed

),

model_checks as (

    select
        'parameter_count_implausible' as check_name,
        'staging' as layer,
        'models' as table_name,
        count(*) as rows_tested,
        count(case when is_parameter_count_implausible then 1 end) as rows_failing,
        'warn' as severity
    from models
    union all
    select
        'model_in_lineage_cycle' as check_name,
        'intermediate' as layer,
        'models' as table_name,
        (select count(*) from models) as rows_tested,
        count(*) as rows_failing,
        'warn' as severity
    from closure_components

),

update_checks as (

    {% for table_name in ['models', 'datasets', 'spaces'] -%}
    select
        'updated_before_created' as check_name,
        'staging' as layer,
        '{{ table_name }}' as table_name,
        count(*) as rows_tested,
        count(case when last_modified_at < created_at then 1 end) as rows_failing,
        'warn' as severity
    from {{ table_name }}
    {%- if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}

),

edge_checks as (

    {% for status in ['self_loop', 'unresolved', 'not_a_repo_id'] -%}
    select
        'edge_{{ status }}' as check_name,
        'intermediate' as layer,
        'lineage_edges' as table_name,
        count(*) as rows_tested,
        count(case when status = '{{ status }}' then 1 end) as rows_failing,
        'warn' as severity
    from edges
    union all
    {% endfor -%}
    select
        'edge_declared_without_relation' as check_name,
        'intermediate' as layer,
        'lineage_edges' as table_name,
        count(*) as rows_tested,
        count(case when relation is null then 1 end) as rows_failing,
        'warn' as severity
    from edges
    union all
    select
        'parent_created_after_child' as check_name,
        'intermediate' as layer,
        'lineage_edges' as table_name,
        count(case when is_counted then 1 end) as rows_tested,
        count(case when is_counted and is_parent_created_after_child then 1 end) as rows_failing,
        'warn' as severity
    from edges

),

comparison_checks as (

    select
        check_name,
        'intermediate' as layer,
        table_name,
        rows_tested,
        rows_failing,
        'warn' as severity
    from comparisons

),

checks as (

    select * from row_rule_checks
    union all
    select * from reconciliation_checks
    union all
    select * from completeness_checks
    union all
    select * from not_found_checks
    union all
    select * from model_checks
    union all
    select * from update_checks
    union all
    select * from edge_checks
    union all
    select * from comparison_checks

),

snapshot as (

    select max(snapshot_date) as snapshot_date from snapshots

),

final as (

    select
        snapshot.snapshot_date,
        checks.check_name,
        checks.layer,
        checks.table_name,
        cast(checks.rows_tested as bigint) as rows_tested,
        cast(checks.rows_failing as bigint) as rows_failing,
        checks.severity,
        case
            when checks.rows_failing = 0 then 'passed'
            when checks.severity = 'warn' then 'warned'
            else 'failed'
        end as verdict
    from checks
    cross join snapshot

)

select * from final
