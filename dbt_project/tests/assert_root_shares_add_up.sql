{{ config(meta={'dagster': {'ref': {'name': 'fct_lineage_roots'}}}) }}
with roots as (

    select * from {{ ref('fct_lineage_roots') }}

),

shares as (

    select descendant_key, sum(share) as shares_sum from roots
    group by descendant_key

),

final as (

    select descendant_key, 'shares do not add up to one' as problem from shares
    where abs(shares_sum - 1) > 0.000000001
    union all
    select distinct roots.root_key as descendant_key, 'is a root and has one' as problem
    from roots
    inner join shares on roots.root_key = shares.descendant_key

)

select * from final
