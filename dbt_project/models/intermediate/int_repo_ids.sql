{{ config(materialized='view') }}
with snapshots as (

    select * from {{ ref('stg_hub__snapshots') }}

),

{% for repo_type in ['model', 'dataset', 'space'] -%}
{{ repo_type }}s as (

    select * from {{ ref('stg_hub__' ~ repo_type ~ 's') }}

),

{% endfor -%}
flags as (

    select table_name, is_synthetic from snapshots

),

final as (

    {% for repo_type in ['model', 'dataset', 'space'] -%}
    select
        '{{ repo_type }}' as repo_type,
        {{ repo_type }}s.repo_key,
        {{ repo_type }}s.repo_id,
        {{ repo_type }}s.created_at,
        coalesce(flags.is_synthetic, false) as is_synthetic
    from {{ repo_type }}s
    left join flags on flags.table_name = '{{ repo_type }}s'
    {%- if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}

)

select * from final
