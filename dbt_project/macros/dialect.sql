{# Functions that engines spell differently; models call these names only. #}

{% macro matches(text, pattern) %}{{ return(adapter.dispatch('matches')(text, pattern)) }}{% endmacro %}
{% macro default__matches(text, pattern) %}regexp_like({{ text }}, {{ pattern }}){% endmacro %}
{% macro duckdb__matches(text, pattern) %}regexp_matches({{ text }}, {{ pattern }}){% endmacro %}

{% macro has_prefix(text, prefix) %}{{ return(adapter.dispatch('has_prefix')(text, prefix)) }}{% endmacro %}
{% macro default__has_prefix(text, prefix) %}startswith({{ text }}, {{ prefix }}){% endmacro %}
{% macro duckdb__has_prefix(text, prefix) %}starts_with({{ text }}, {{ prefix }}){% endmacro %}

{% macro sha256_hex(text) %}{{ return(adapter.dispatch('sha256_hex')(text)) }}{% endmacro %}
{% macro default__sha256_hex(text) %}sha2({{ text }}, 256){% endmacro %}
{% macro duckdb__sha256_hex(text) %}sha256({{ text }}){% endmacro %}

{% macro explode(items) %}{{ return(adapter.dispatch('explode')(items)) }}{% endmacro %}
{% macro default__explode(items) %}explode({{ items }}){% endmacro %}
{% macro duckdb__explode(items) %}unnest({{ items }}){% endmacro %}

{% macro list_length(items) %}{{ return(adapter.dispatch('list_length')(items)) }}{% endmacro %}
{% macro default__list_length(items) %}size({{ items }}){% endmacro %}
{% macro duckdb__list_length(items) %}len({{ items }}){% endmacro %}

{% macro one_line(text) %}{{ return(adapter.dispatch('one_line')(text)) }}{% endmacro %}
{% macro default__one_line(text) %}trim(regexp_replace({{ text }}, '[ \t\r\n]+', ' ')){% endmacro %}
{% macro duckdb__one_line(text) %}trim(regexp_replace({{ text }}, '[ \t\r\n]+', ' ', 'g')){% endmacro %}

{% macro utc_timestamp(text) %}{{ return(adapter.dispatch('utc_timestamp')(text)) }}{% endmacro %}
{% macro default__utc_timestamp(text) %}cast('{{ text }}Z' as timestamp){% endmacro %}
{% macro duckdb__utc_timestamp(text) %}cast('{{ text }}+00' as timestamptz){% endmacro %}

{% macro split_text(text, separator) %}{{ return(adapter.dispatch('split_text')(text, separator)) }}{% endmacro %}
{% macro default__split_text(text, separator) %}split({{ text }}, concat('\\\\Q', {{ separator }}, '\\\\E')){% endmacro %}
{% macro duckdb__split_text(text, separator) %}string_split({{ text }}, {{ separator }}){% endmacro %}

{% macro joined(text) %}{{ return(adapter.dispatch('joined')(text)) }}{% endmacro %}
{% macro default__joined(text) %}array_join(array_sort(collect_set({{ text }})), ', '){% endmacro %}
{% macro duckdb__joined(text) %}string_agg(distinct {{ text }}, ', ' order by {{ text }}){% endmacro %}
