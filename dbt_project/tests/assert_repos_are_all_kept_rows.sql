{{ config(meta={'dagster': {'ref': {'name': 'dim_repos'}}}) }}
with repos as (

    select * from {{ ref('dim_repos') }}

),

models as (

    select * from {{ ref('stg_hub__models') }}

),

datasets as (

    select * from {{ ref('stg_hub__datasets') }}

),

spaces as (

    select * from {{ ref('stg_hub__spaces') }}

),

lists as (

    select 'model' as repo_type, count(*) as rows_count from models
    union all
    select 'dataset' as repo_type, count(*) as rows_count from datasets
    union all
    select 'space' as repo_type, count(*) as rows_count from spaces

),

counted as (

    select repo_type, count(*) as repos_count from repos
    group by repo_type

),

final as (

    select lists.repo_type, lists.rows_count, counted.repos_count
    from lists
    left join counted on lists.repo_type = counted.repo_type
    where lists.rows_count <> coalesce(counted.repos_count, 0)

)

select * from final
