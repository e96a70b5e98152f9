with models as (

    select * from {{ ref('stg_hub__models') }}

),

datasets as (

    select * from {{ ref('stg_hub__datasets') }}

),

spaces as (

    select * from {{ ref('stg_hub__spaces') }}

),

model_tags as (

    select repo_id, {{ explode('tags') }} as tag from models

),

named as (

    select
        'model' as from_type,
        repo_id as from_id,
        'dataset' as named_type,
        substr(tag, length('dataset:') + 1) as named_id
    from model_tags
    where {{ has_prefix('tag', "'dataset:'") }}
    union all
    select 'space' as from_type, repo_id as from_id, 'model' as named_type, {{ explode('used_models') }} as named_id
    from spaces
    union all
    select 'space' as from_type, repo_id as from_id, 'dataset' as named_type, {{ explode('used_datasets') }} as named_id
    from spaces

),

listed as (

    select distinct 'model' as repo_type, repo_id from models
    union all
    select distinct 'dataset' as repo_type, repo_id from datasets

),

-- Most names are spelled as the Hub spells them; only the others are compared without regard to case.
spelled as (

    select named.from_type, named.from_id, named.named_type, named.named_id, listed.repo_id as named_repo_id
    from named
    left join listed on named.named_type = listed.repo_type and named.named_id = listed.repo_id

),

other_names as (

    select distinct named_type, named_id from spelled
    where named_repo_id is null

),

respelled as (

    select other_names.named_type, other_names.named_id, min(listed.repo_id) as named_repo_id
    from other_names
    inner join listed
        on other_names.named_type = listed.repo_type and lower(other_names.named_id) = lower(listed.repo_id)
    group by other_names.named_type, other_names.named_id

),

final as (

    select from_type, from_id, named_type, named_repo_id from spelled
    where named_repo_id is not null
    union
    select spelled.from_type, spelled.from_id, spelled.named_type, respelled.named_repo_id
    from spelled
    inner join respelled on spelled.named_type = respelled.named_type and spelled.named_id = respelled.named_id
    where spelled.named_repo_id is null

)

select * from final
