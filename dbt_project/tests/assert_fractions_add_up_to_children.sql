{{ config(meta={'dagster': {'ref': {'name': 'fct_derivative_counts'}}}) }}
with derivative_counts as (

    select * from {{ ref('fct_derivative_counts') }}

),

edges as (

    select * from {{ ref('int_lineage_edges') }}

),

fractions as (

    -- Single models are counted for the present snapshot alone.
    select coalesce(sum(value), 0) as fractions_sum
    from derivative_counts
    where subject_type = 'model' and relation = 'all' and definition = 'fractional'

),

children as (

    select count(distinct child_id) as children_count from edges
    where is_counted

),

final as (

    select fractions.fractions_sum, children.children_count
    from fractions
    cross join children
    where abs(fractions.fractions_sum - children.children_count) > 0.001

)

select * from final
