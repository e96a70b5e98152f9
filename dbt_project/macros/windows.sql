{# Windows of days around a milestone, and dates in general. #}

{% macro window_days() %}
    {#- Days before and after a milestone that are compared. -#}
    {{- return([30, 90]) -}}
{% endmacro %}

{% macro handle_flows() %}
    {#- What is counted by day for the account of a milestone. -#}
    {{- return(['handle_new_models', 'handle_new_derivatives', 'handle_new_papers']) -}}
{% endmacro %}

{% macro gains() %}
    {#- Metrics that are differences between snapshots of an account, each with the column it is told from. -#}
    {{- return([
        ('followers_gained', 'followers_count'),
        ('downloads_gained', 'downloads_all_time'),
        ('likes_gained', 'likes'),
    ]) -}}
{% endmacro %}

{% macro days_after(day, days) %}{{ return(adapter.dispatch('days_after')(day, days)) }}{% endmacro %}
{% macro default__days_after(day, days) %}date_add({{ day }}, cast({{ days }} as int)){% endmacro %}
{% macro duckdb__days_after(day, days) %}({{ day }} + cast({{ days }} as integer)){% endmacro %}
