with models as (

    select * from {{ ref('stg_hub__models') }}

),

datasets as (

    select * from {{ ref('stg_hub__datasets') }}

),

spaces as (

    select * from {{ ref('stg_hub__spaces') }}

),

repo_tags as (

    select 'model' as repo_type, repo_key, {{ explode('tags') }} as tag from models
    union all
    select 'dataset' as repo_type, repo_key, {{ explode('tags') }} as tag from datasets
    union all
    select 'space' as repo_type, repo_key, {{ explode('tags') }} as tag from spaces

),

final as (

    select distinct substr(tag, length('arxiv:') + 1) as paper_id, repo_type, repo_key
    from repo_tags
    where {{ has_prefix('tag', "'arxiv:'") }}

)

select * from final
