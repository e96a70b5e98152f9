with models as {{ read_anew() }} (

    select * from {{ ref('stg_hub__models') }}

),

datasets as (

    select * from {{ ref('stg_hub__datasets') }}

),

spaces as {{ read_anew() }} (

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

    select 'model' as repo_type, repo_id from models
    union all
    select 'dataset' as repo_type, repo_id from datasets

),

names as {{ read_once() }} (

    select distinct named_type, named_id from named

),

-- Most names are spelled as the Hub spells them; only the others are compared without regard to case.
spelled as {{ read_once() }} (

    select distinct names.named_type, names.named_id
    from names
    inner join listed on names.named_type = listed.repo_type and names.named_id = listed.repo_id

),

other_names as (

    select named_type, named_id from names
    except
    select named_type, named_id from spelled

),

respelled as (

    select other_names.named_type, other_names.named_id, min(listed.repo_id) as named_repo_id
    from other_names
    inner join listed
        on other_names.named_type = listed.repo_type and lower(other_names.named_id) = lower(listed.repo_id)
    group by other_names.named_type, other_names.named_id

),

resolved as (

    select named_type, named_id, named_id as named_repo_id from spelled
    union all
    select named_type, named_id, named_repo_id from respelled

),

final as (

    select distinct named.from_type, named.from_id, named.named_type, resolved.named_repo_id
    from named
    inner join resolved on named.named_type = resolved.named_type and named.named_id = resolved.named_id

)

select * from final
