{# Confines the warehouse's connection to the data folder and the project before any third-party file is read. #}

{% macro lock_down() %}{{ return(adapter.dispatch('lock_down')()) }}{% endmacro %}

{% macro default__lock_down() %}{% endmacro %}

{% macro duckdb__lock_down() %}
    {%- if execute -%}
        {%- set is_open = run_query("select current_setting('enable_external_access')").columns[0].values()[0] -%}
        {%- if is_open -%}
            set allowed_directories = [getvariable('data_dir'), getvariable('project_dir')];
            set enable_external_access = false
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
