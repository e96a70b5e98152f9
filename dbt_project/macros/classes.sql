{# Classes that repos are counted by, and the days at which adoption is told. Portable SQL. #}

{% macro size_classes() %}
    {{- return([
        ('over_250b', 250),
        ('100b_to_250b', 100),
        ('50b_to_100b', 50),
        ('10b_to_50b', 10),
        ('5b_to_10b', 5),
        ('1b_to_5b', 1),
        ('under_1b', 0),
    ]) -}}
{% endmacro %}

{% macro size_class(parameters) %}
    case
        {%- for name, from_billions in size_classes() %}
        when {{ parameters }} >= {{ from_billions * 1000000000 }} then '{{ name }}'
        {%- endfor %}
        else 'unknown'
    end
{%- endmacro %}

{% macro adoption_days() %}
    {{- return([7, 14, 30, 60, 90, 180, 365]) -}}
{% endmacro %}

{% macro adoption_day(age_days) %}
    case
        {%- for day in adoption_days() %}
        when {{ age_days }} >= {{ day }} and {{ age_days }} < {{ day + [1, day // 7] | max }} then {{ day }}
        {%- endfor %}
    end
{%- endmacro %}

{% macro concentration_shares() %}
    {{- return([
        ('top_0_01_percent_share', 1, 10000),
        ('top_1_5_percent_share', 15, 1000),
        ('top_10_percent_share', 1, 10),
    ]) -}}
{% endmacro %}

{% macro country_rules() %}{{ return(['headquarters', 'international', 'base_model']) }}{% endmacro %}
