{# History: what earlier releases say about earlier snapshots. A release holds all of it, so the one before is enough. #}

{% macro released_rows(model_name) %}
    {#-
        The rows of a published model in the newest release before this snapshot, with the columns of its contract
        today: what that release did not have yet is null. No rows where there is no such release.
    -#}
    {%- set released = source('release', model_name) -%}
    {%- set columns = released_columns(model_name) -%}
    {%- set day = release_before(model_name) if execute else '' -%}
    {%- if day -%}
        {%- set found = run_query(adapter.dispatch('column_names_sql')(released)).columns[0].values() -%}
        select
        {%- for name, data_type in columns %}
            cast({{ name if name in found else 'null' }} as {{ data_type }}) as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
        from {{ released }}
        where {{ release_day('filename') }} = '{{ day }}' and snapshot_date < {{ snapshot_date() }}
    {%- else -%}
        select
        {%- for name, data_type in columns %}
            cast(null as {{ data_type }}) as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
        where false
    {%- endif -%}
{% endmacro %}

{% macro released_columns(model_name) %}
    {#- Pairs of name and type, in the order of the model's contract. -#}
    {%- set columns = [] -%}
    {%- if execute -%}
        {%- for column in graph.nodes['model.' ~ project_name ~ '.' ~ model_name].columns.values() -%}
            {%- do columns.append((column.name, column.data_type)) -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(columns or [('snapshot_date', 'date')]) -}}
{% endmacro %}

{% macro release_before(model_name) %}
    {#- The day of the newest release before this snapshot that has the model, as text; empty where there is none. -#}
    {%- set newest = run_query(adapter.dispatch('release_before_sql')(model_name)) -%}
    {{- return(newest.columns[0].values()[0] or '') -}}
{% endmacro %}

{% macro duckdb__release_before_sql(model_name) %}
    {#- From the folder names: no file is opened. -#}
    select max({{ release_day('file') }})
    from glob(getvariable('data_dir') || '/release/*/data/{{ model_name }}/*.parquet')
    where {{ release_day('file') }} < '{{ snapshot_day() }}'
{% endmacro %}

{% macro release_day(path) %}regexp_extract({{ path }}, '/release/([0-9]{4}-[0-9]{2}-[0-9]{2})/', 1){% endmacro %}

{% macro duckdb__column_names_sql(relation) %}select column_name from (describe select * from {{ relation }}){% endmacro %}

{% macro days_between(earlier, later) %}{{ return(adapter.dispatch('days_between')(earlier, later)) }}{% endmacro %}
{% macro default__days_between(earlier, later) %}datediff({{ later }}, {{ earlier }}){% endmacro %}
{% macro duckdb__days_between(earlier, later) %}date_diff('day', {{ earlier }}, {{ later }}){% endmacro %}

{% macro change_windows() %}
    {#- Days over which a change is told. -#}
    {{- return([1, 7, 30]) -}}
{% endmacro %}

{% macro changes_over_time() %}
    {#- The columns that tell a change between `history` and `ranked`: name, days of the window, difference in SQL. -#}
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
