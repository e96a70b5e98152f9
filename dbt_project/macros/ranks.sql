{# Ranks: dense, the greatest first, and none for what was never observed. #}

{% macro rank_where_known(number, within='') %}
    {%- set partition = 'partition by ' ~ within ~ ' ' if within else '' -%}
    case
        when {{ number }} is not null
            then cast(dense_rank() over ({{ partition }}order by {{ number }} desc nulls last) as bigint)
    end
{%- endmacro %}
