{# What the last build of each node came to, kept in the warehouse: a release asks it before it exports anything. #}

{% macro build_log() %}{{ return(target.schema ~ '.build_log') }}{% endmacro %}

{% macro start_build_log(selected) %}
    {#- Forgets what is about to be built, so that a build that is killed leaves no verdict behind. -#}
    {%- if execute -%}
        create table if not exists {{ build_log() }} (
            unique_id varchar,
            resource_type varchar,
            severity varchar,
            status varchar,
            failures bigint,
            snapshot_date date,
            invocation_id varchar
        );
        {#- A warehouse that an earlier version has built goes on being used. -#}
        alter table {{ build_log() }} add column if not exists sample varchar;
        {#- What a test found counts for the rows it saw: tests of a rebuilt model are forgotten though they do not run. -#}
        {%- set forgotten = selected | list -%}
        {%- for node in graph.nodes.values() if node.resource_type == 'test' -%}
            {%- if node.depends_on.nodes | select('in', selected) | list -%}
                {%- do forgotten.append(node.unique_id) -%}
            {%- endif -%}
        {%- endfor -%}
        {% if forgotten -%}
            delete from {{ build_log() }} where unique_id in ('{{ forgotten | unique | join("', '") }}')
        {%- endif -%}
    {%- endif -%}
{% endmacro %}

{% macro write_build_log(results) %}
    {%- set rows = [] -%}
    {%- for result in results if result.node.resource_type in ('model', 'seed', 'test') -%}
        {%- set failing = rows_at_fault(result) -%}
        {%- set failures, sample = result.failures, '' -%}
        {%- if failing -%}
            {%- set failures = run_query('select count(*) from (' ~ failing ~ ') as failing').columns[0].values()[0] -%}
            {%- set sample = sample_of(failing) -%}
            {%- do log(result.node.name ~ ' failed on: ' ~ sample, info=true) -%}
        {%- endif -%}
        {%- do rows.append(
            "('" ~ [
                result.node.unique_id,
                result.node.resource_type,
                (result.node.config.severity or 'error') | lower if result.node.resource_type == 'test' else 'error',
                result.status | string,
            ] | join("', '") ~ "', " ~ (failures if failures is not none else 'null')
            ~ ", " ~ snapshot_date() ~ ", '" ~ invocation_id ~ "', '" ~ sample ~ "')"
        ) -%}
    {%- endfor -%}
    {%- if rows -%}
        insert into {{ build_log() }} values {{ rows | join(', ') }}
    {%- endif -%}
{% endmacro %}

{% macro rows_at_fault(result) %}
    {%- set node, status = result.node, result.status | string -%}
    {%- if node.resource_type == 'test' and status in ('fail', 'warn') -%}
        {{- return(node.compiled_code) -}}
    {%- endif -%}
    {#- The engine names the column that a contract found missing, and no row. -#}
    {%- set column = modules.re.search('NOT NULL constraint failed: \S+\."?(\w+)', result.message or '') -%}
    {%- if node.resource_type == 'model' and status == 'error' and column -%}
        {%- set key = node.config.meta.get('key') or node.config.meta.get('order_by') or ['*'] -%}
        {{- return(
            "select '" ~ column[1] ~ " is missing' as problem, " ~ key | join(', ')
            ~ ' from (' ~ node.compiled_code ~ ') as built where ' ~ column[1] ~ ' is null'
        ) -}}
    {%- endif -%}
    {{- return('') -}}
{% endmacro %}

{% macro sample_of(failing) %}
    {%- set shown = [] -%}
    {%- for row in run_query('select * from (' ~ failing ~ ') as failing limit 5').rows -%}
        {%- set fields = [] -%}
        {%- for name in row.keys() if row[name] is not none and fields | length < 5 -%}
            {%- do fields.append(name ~ ' ' ~ row[name]) -%}
        {%- endfor -%}
        {%- do shown.append(fields | join(', ')) -%}
    {%- endfor -%}
    {{- return(modules.re.sub('[^A-Za-z0-9 ._/,:;()-]', '?', shown | join('; '))[:500]) -}}
{% endmacro %}
