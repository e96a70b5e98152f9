{# History: what earlier releases say about earlier snapshots. A release holds all of it, so the one before is enough. #}

{% macro released_rows(model_name) %}
    {%- set released = source('release', model_name) | string -%}
    {%- set days = release_days() if execute else [] -%}
    {%- set files = release_files(model_name) if execute else [] -%}
    {%- set parts = [] -%}
    {%- for day in days if day in files -%}
        {%- do parts.append(of_release(released, day) ~ " where snapshot_date = date '" ~ day ~ "'") -%}
    {%- endfor -%}
    {%- if days and days[-1] in files -%}
        {%- do parts.append(
            of_release(released, days[-1]) ~ ' where snapshot_date < ' ~ snapshot_date()
            ~ " and snapshot_date not in (date '" ~ days | join("', date '") ~ "')"
        ) -%}
    {%- endif -%}
    {{ adapter.dispatch('in_contract')(model_name, parts) }}
{% endmacro %}

{% macro rows_of_release_before(model_name) %}
    {%- set released = source('release', model_name) | string -%}
    {%- set days = release_days() if execute else [] -%}
    {%- set parts = [] -%}
    {%- if days and days[-1] in release_files(model_name) -%}
        {%- do parts.append(of_release(released, days[-1])) -%}
    {%- endif -%}
    {{ adapter.dispatch('in_contract')(model_name, parts) }}
{% endmacro %}

{% macro duckdb__in_contract(model_name, parts) %}
    {#- The rows of all `parts` in names, order and types of the model's contract. -#}
    {%- set columns = released_columns(model_name) -%}
    select
    {%- for name, data_type in columns %}
        cast({{ name }} as {{ data_type }}) as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
    from (
        select
        {%- for name, data_type in columns %}
            cast(null as {{ data_type }}) as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
        where false
        {%- for part in parts %}
        union all by name
        select * from {{ part }}
        {%- endfor %}
    ) as released
{% endmacro %}

{% macro released_columns(model_name) %}
    {%- set columns = [] -%}
    {%- if execute -%}
        {%- for column in graph.nodes['model.' ~ project_name ~ '.' ~ model_name].columns.values() -%}
            {%- do columns.append((column.name, column.data_type)) -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(columns or [('snapshot_date', 'date')]) -}}
{% endmacro %}

{% macro of_release(released, day) %}
    {{- return(released | replace('/release/*/', '/release/' ~ day ~ '/')) -}}
{% endmacro %}

{% macro release_days() %}
    {{- return(run_query(adapter.dispatch('release_days_sql')('datapackage.json')).columns[0].values() | list) -}}
{% endmacro %}

{% macro release_files(model_name) %}
    {%- set pattern = 'data/' ~ model_name ~ '/*.parquet' -%}
    {{- return(run_query(adapter.dispatch('release_days_sql')(pattern)).columns[0].values() | list) -}}
{% endmacro %}

{% macro duckdb__release_days_sql(pattern) %}
    {#- From the folder names: no file is opened. -#}
    select distinct regexp_extract(file, '/release/([0-9]{4}-[0-9]{2}-[0-9]{2})/', 1) as day
    from glob(getvariable('data_dir') || '/release/*/{{ pattern }}')
    where day <> '' and day < '{{ snapshot_day() }}'
    order by day
{% endmacro %}

{% macro days_between(earlier, later) %}{{ return(adapter.dispatch('days_between')(earlier, later)) }}{% endmacro %}
{% macro default__days_between(earlier, later) %}datediff({{ later }}, {{ earlier }}){% endmacro %}
{% macro duckdb__days_between(earlier, later) %}date_diff('day', {{ earlier }}, {{ later }}){% endmacro %}

{% macro change_windows() %}
    {{- return([1, 7, 30]) -}}
{% endmacro %}

{% macro changes_over_time() %}
    {%- set metrics = [('followers', 'followers_count'), ('downloads_30d', 'downloads_30d'), ('likes', 'likes')] -%}
    {%- set gap = days_between('history.snapshot_date', 'ranked.snapshot_date') -%}
    {%- set changes = [] -%}
    {%- for days in change_windows() -%}
        {%- do changes.append({'name': 'change_' ~ days ~ 'd_gap_days', 'days': days, 'difference': gap}) -%}
        {%- for metric, column in metrics -%}
            {%- do changes.append({
                'name': metric ~ '_change_' ~ days ~ 'd',
                'days': days,
                'difference': 'ranked.' ~ column ~ ' - history.' ~ column,
            }) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(changes) -}}
{% endmacro %}
