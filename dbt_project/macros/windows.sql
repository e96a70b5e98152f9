{# Windows of days around a milestone, and dates in general. #}

{% macro window_days() %}
    {{- return([30, 90]) -}}
{% endmacro %}

{% macro handle_flows() %}
    {{- return(['handle_new_models', 'handle_new_derivatives', 'handle_new_papers']) -}}
{% endmacro %}

{% macro gains() %}
    {{- return([
        ('followers_gained', 'followers_count'),
        ('downloads_gained', 'downloads_all_time'),
        ('likes_gained', 'likes'),
    ]) -}}
{% endmacro %}

{% macro days_after(day, days) %}{{ return(adapter.dispatch('days_after')(day, days)) }}{% endmacro %}
{% macro default__days_after(day, days) %}date_add({{ day }}, cast({{ days }} as int)){% endmacro %}
{% macro duckdb__days_after(day, days) %}({{ day }} + cast({{ days }} as integer)){% endmacro %}
