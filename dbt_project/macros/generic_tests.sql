{# The one generic test of our own: what the YAML beside a table that is not published says of its values. #}

{% test as_described(model) %}
    {%- if execute -%}
        {%- set node = graph.nodes.values() | selectattr('name', 'equalto', model.identifier) | first -%}
        {%- set key = node.config.meta.get('key', []) -%}
        {%- set conditions, required = [], [] -%}
        {%- for column in node.columns.values() -%}
            {%- set name, meta = column.name, column.config.meta -%}
            {%- if name in key or column.constraints -%}
                {%- do required.append(name) -%}
                {%- do conditions.append((name ~ ' is null', name ~ ' is missing')) -%}
            {%- endif -%}
            {%- if 'values' in meta -%}
                {%- set listed = meta['values'] | map('string') | join("', '") -%}
                {%- set wanted = meta['values'] | join(', ') -%}
                {%- do conditions.append(("cast(" ~ name ~ " as varchar) not in ('" ~ listed ~ "')", name ~ ' is none of ' ~ wanted)) -%}
            {%- endif -%}
            {%- if 'minimum' in meta -%}
                {%- do conditions.append((name ~ ' < ' ~ meta.minimum, name ~ ' is below ' ~ meta.minimum)) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- set shown = (key or required) | join(', ') -%}
        select
            {{ shown }},
            case {% for condition, problem in conditions %}when {{ condition }} then '{{ problem }}' {% endfor %}end as problem
        from {{ model }}
        where {{ conditions | map(attribute=0) | join(' or ') }}
        {%- if key %}
        union all
        select {{ shown }}, concat('is there ', cast(count(*) as varchar), ' times') as problem
        from {{ model }}
        where
            {{ row_hash(key) }} in (
                select row_hash from (select {{ row_hash(key) }} as row_hash from {{ model }}) as hashes
                group by row_hash
                having count(*) > 1
            )
        group by {{ shown }}
        having count(*) > 1
        {%- endif %}
        {%- if node.resource_type == 'seed' %}
        union all
        select {{ (['null'] * (key or required) | length) | join(', ') }}, 'there is no row' as problem
        from (select count(*) as rows_count from {{ model }}) as counted
        where rows_count = 0
        {%- endif %}
    {%- endif -%}
{% endtest %}
