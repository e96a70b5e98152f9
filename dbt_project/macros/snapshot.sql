{# Which raw snapshot is built, and where it lies. #}

{% macro snapshot_day() %}
    {#- The day of the snapshot as text: that of the run or HUBSCAPE_SNAPSHOT_DATE, else the newest one of the raw models. -#}
    {#- Asked for when something runs, not when dbt parses: else every new day would have the models parsed again. -#}
    {%- set day = var('snapshot_date', '') or env_var('HUBSCAPE_SNAPSHOT_DATE', '') if execute else '' -%}
    {%- if not day and execute -%}
        {%- set newest = run_query(newest_snapshot_sql()) -%}
        {%- set day = newest.columns[0].values()[0] | default('', true) | string -%}
        {%- if not day -%}
            {{ exceptions.raise_compiler_error(
                'There is no raw snapshot of models in the data folder: pull one first, or set HUBSCAPE_DATA_DIR.'
            ) }}
        {%- endif -%}
    {%- endif -%}
    {%- if day and not modules.re.fullmatch('[0-9]{4}-[0-9]{2}-[0-9]{2}', day) -%}
        {{ exceptions.raise_compiler_error(
            'HUBSCAPE_SNAPSHOT_DATE is no date: write it as YYYY-MM-DD.'
        ) }}
    {%- endif -%}
    {{- return(day or '1970-01-01') -}}
{% endmacro %}

{% macro snapshot_date() %}cast('{{ snapshot_day() }}' as date){% endmacro %}

{% macro coverage_setting() %}
    {#- As literals, and not asked for when dbt parses, as the day is. -#}
    {{- return("'" ~ ((var('coverage', '') or env_var('HUBSCAPE_COVERAGE', '') if execute else '') or 'auto') ~ "'") -}}
{% endmacro %}

{% macro whole_share() %}
    {{- return((var('whole_share', '') or env_var('HUBSCAPE_WHOLE_SHARE', '') if execute else '') or '0.9') -}}
{% endmacro %}

{% macro observed_flags() %}
    {#- Of rows of stg_hub__snapshots: whether each table that a source may lack was looked at. -#}
    {%- for table_name in ['datasets', 'spaces', 'daily_papers'] %}
        coalesce(bool_and(is_observed or table_name <> '{{ table_name }}'), true) as are_{{ table_name }}_observed
        {{- ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{% macro of_snapshot(source) %}
    {%- set day = snapshot_day() if execute else '*' -%}
    {{- return(source | string | replace('/snapshot_date=*/', '/snapshot_date=' ~ day ~ '/')) -}}
{% endmacro %}

{% macro newest_snapshot_sql() %}{{ return(adapter.dispatch('newest_snapshot_sql')()) }}{% endmacro %}

{% macro default__newest_snapshot_sql() %}
    select cast(max(snapshot_date) as string) as snapshot_day from {{ source('raw', 'models') }}
{% endmacro %}

{% macro duckdb__newest_snapshot_sql() %}
    {#- From the folder names: no file is opened. -#}
    select max(regexp_extract(file, 'snapshot_date=([0-9-]{10})/', 1)) as snapshot_day
    from glob(getvariable('data_dir') || '/raw/models/snapshot_date=*/_manifest.json')
{% endmacro %}

{% macro raw_row_id() %}{{ return(adapter.dispatch('raw_row_id')()) }}{% endmacro %}

{% macro default__raw_row_id() %}monotonically_increasing_id(){% endmacro %}

{% macro duckdb__raw_row_id() %}
    {#- Position in the snapshot's files: an integer that is the same in every build of the same files. -#}
    (cast(file_index as bigint) * 1000000000 + file_row_number)
{%- endmacro %}
