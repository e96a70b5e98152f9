{#- A relation is replaced where it stands, in one transaction: a query that fails leaves what was there. dbt's own way is
    to build beside it, rename twice and drop, for engines that must, and was a quarter of a build's time. -#}

{% materialization table, adapter='duckdb' %}
  {% set target = this.incorporate(type='table') %}
  {{ return(replace_relation(target, create_table_as(False, target, compiled_code))) }}
{% endmaterialization %}

{% materialization view, adapter='duckdb' %}
  {% set target = this.incorporate(type='view') %}
  {{ return(replace_relation(target, create_view_as(target, sql))) }}
{% endmaterialization %}

{% macro replace_relation(target, create) %}
  {% set existing = load_cached_relation(target) %}
  {{ run_hooks(pre_hooks) }}
  {% call statement('main') %}
    {% if existing is not none %} drop {{ existing.type }} {{ existing }}; {% endif %}
    {{ create }}
  {% endcall %}
  {{ run_hooks(post_hooks) }}
  {{ adapter.commit() }}
  {{ return({'relations': [target]}) }}
{% endmacro %}
