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

{% macro plausible_parameters(count) -%}
    case when {{ count }} between 1 and {{ var('max_plausible_parameters') }} then {{ count }} end
{%- endmacro %}

{# Whether several weights stand in one word; null where neither dtypes nor tags tell. #}
{% macro has_packed_weights(safetensors, tags) %}
    {%- set dtypes = safetensors ~ '.parameters' -%}
    {%- set words = [] -%}
    {%- for dtype in ['I32', 'U32', 'U8'] -%}
        {%- do words.append('coalesce(' ~ dtypes ~ "['" ~ dtype ~ "'], 0)") -%}
    {%- endfor -%}
    case
        -- A hundredth, since buffers of whole numbers are in models that are not packed, too.
        when {{ map_size(dtypes) }} > 0 then coalesce(100 * ({{ words | join(' + ') }}) > {{ safetensors }}.total, false)
        when
            {{ has_any(tags, [
                '1-bit', '2-bit', '3-bit', '4-bit', '4bit', '5-bit', '6-bit', 'gptq', 'awq', 'bitsandbytes', 'int4',
                'w4a16', 'fp4', 'mxfp4', 'nvfp4', 'exl2', 'exl3',
            ]) }}
            then true
        -- Those of 8 bits may be numbers of their own.
        when
            {{ has_any(tags, ['8-bit', '8bit', 'compressed-tensors', 'quantized']) }} and not {{ has_any(tags, ['fp8']) }}
            then true
    end
{%- endmacro %}

{% macro size_class(parameters) %}
    case
        {%- for name, from_billions in size_classes() %}
        when {{ parameters }} >= {{ from_billions * 1000000000 }} then '{{ name }}'
        {%- endfor %}
        else 'unknown'
    end
{%- endmacro %}

{# From the one that leaves most freedom to the one that leaves least; of terms that nobody has classed none is known. #}
{% macro licence_classes() %}{{ return(['permissive', 'copyleft', 'other', 'restricted', 'noncommercial']) }}{% endmacro %}

{% macro licence_class_rank(licence_class) %}
    case {{ licence_class }}
        {%- for name in licence_classes() %}
        when '{{ name }}' then {{ loop.index }}
        {%- endfor %}
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
