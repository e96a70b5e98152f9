with models as {{ read_anew() }} (

    select * from {{ ref('stg_hub__models') }}

),

spaces as {{ read_anew() }} (

    select * from {{ ref('stg_hub__spaces') }}

),

listed as {{ read_anew() }} (

    select * from {{ ref('int_repo_ids') }}

),

former_ids as (

    select * from {{ ref('int_former_ids') }}

),

model_tags as (

    select repo_id, created_at, {{ explode('tags') }} as tag from models

),

named as (

    select
        'model' as from_type,
        repo_id as from_id,
        created_at,
        'dataset' as named_type,
        substr(tag, length('dataset:') + 1) as named_id
    from model_tags
    where {{ has_prefix('tag', "'dataset:'") }}
    union all
    select
        'space' as from_type,
        repo_id as from_id,
        created_at,
        'model' as named_type,
        {{ explode('used_models') }} as named_id
    from spaces
    union all
    select
        'space' as from_type,
        repo_id as from_id,
        created_at,
        'dataset' as named_type,
        {{ explode('used_datasets') }} as named_id
    from spaces

),

names as {{ read_once() }} (

    select distinct named_type, named_id from named

),

-- Most names are spelled as the Hub spells them; only the others are compared without regard to case.
spelled as {{ read_once() }} (

    select names.named_type, names.named_id, names.named_id as repo_id, min(listed.created_at) as created_at
    from names
    inner join listed on names.named_type = listed.repo_type and names.named_id = listed.repo_id
    group by names.named_type, names.named_id

),

other_names as (

    select named_type, named_id from names
    except
    select named_type, named_id from spelled

),

respelled as (

    select
        other_names.named_type,
        other_names.named_id,
        listed.repo_id,
        listed.created_at,
        row_number() over (
            partition by other_names.named_type, other_names.named_id
            order by listed.repo_id, listed.repo_key
        ) as turn
    from other_names
    inner join listed
        on other_names.named_type = listed.repo_type and lower(other_names.named_id) = lower(listed.repo_id)

),

bearers as (

    select * from spelled
    union all
    select named_type, named_id, repo_id, created_at from respelled
    where turn = 1

),

former_bearers as (

    select names.named_type, names.named_id, former_ids.repo_id
    from names
    inner join former_ids
        on names.named_type = former_ids.repo_type and lower(names.named_id) = former_ids.former_id_key

),

resolved as (

    select
        named.from_type,
        named.from_id,
        named.named_type,
        -- A repo that was made later under a former id is not what those name that were there before it.
        case
            when bearers.created_at > named.created_at then coalesce(former_bearers.repo_id, bearers.repo_id)
            else coalesce(bearers.repo_id, former_bearers.repo_id)
        end as named_repo_id
    from named
    left join bearers on named.named_type = bearers.named_type and named.named_id = bearers.named_id
    left join former_bearers
        on named.named_type = former_bearers.named_type and named.named_id = former_bearers.named_id

),

final as (

    select distinct from_type, from_id, named_type, named_repo_id from resolved
    where named_repo_id is not null

)

select * from final
