with models as {{ read_anew() }} (

    select * from {{ ref('int_models') }}

),

named_parents as {{ read_anew() }} (

    select * from {{ ref('int_named_parents') }}

),

former_ids as (

    select * from {{ ref('int_former_ids') }}

),

former_models as (

    select former_ids.former_id_key, models.model_id
    from former_ids
    inner join models on former_ids.repo_key = models.repo_key
    where former_ids.repo_type = 'model'

),

parent_names as (

    select distinct named_parent from named_parents

),

candidates as (

    select
        parent_names.named_parent,
        models.model_id,
        models.created_at,
        row_number() over (
            partition by parent_names.named_parent
            order by
                case when models.repo_id = parent_names.named_parent then 0 else 1 end,
                models.repo_id,
                models.repo_key
        ) as turn
    from parent_names
    inner join models on lower(parent_names.named_parent) = lower(models.repo_id)

),

by_name as (

    select named_parent, model_id, created_at from candidates
    where turn = 1

),

resolved as (

    select
        named_parents.child_id,
        named_parents.named_parent,
        named_parents.relation,
        named_parents.relation_source,
        coalesce(
            by_key.model_id,
            -- A repo that was made later under a former id is not the parent of what was there before it.
            case
                when by_name.created_at > children.created_at and former_models.model_id <> children.model_id
                    then former_models.model_id
            end,
            by_name.model_id,
            former_models.model_id
        ) as parent_id
    from named_parents
    inner join models as children on named_parents.child_id = children.model_id
    left join models as by_key on named_parents.named_key = by_key.repo_key
    left join by_name on named_parents.named_parent = by_name.named_parent
    left join former_models on lower(named_parents.named_parent) = former_models.former_id_key

),

judged as (

    select
        children.snapshot_date,
        resolved.child_id,
        children.repo_id as child_repo_id,
        resolved.parent_id,
        parents.repo_id as parent_repo_id,
        resolved.named_parent,
        lower(resolved.named_parent) as named_parent_key,
        resolved.relation,
        resolved.relation_source,
        case
            when resolved.parent_id = resolved.child_id then 'self_loop'
            when
                resolved.parent_id is not null and lower(parents.repo_id) <> lower(resolved.named_parent)
                then 'renamed'
            when resolved.parent_id is not null then 'resolved'
            when lower(resolved.named_parent) = lower(children.repo_id) then 'self_loop'
            when
                {{ matches('resolved.named_parent', repo_id_pattern()) }}
                and not {{ matches('resolved.named_parent', "'^[.][.]?/|/[.][.]?$'") }}
                then 'unresolved'
            else 'not_a_repo_id'
        end as status,
        coalesce(parents.created_at > children.created_at, false) as is_parent_created_after_child
    from resolved
    inner join models as children on resolved.child_id = children.model_id
    left join models as parents on resolved.parent_id = parents.model_id

),

final as (

    select
        snapshot_date,
        child_id,
        child_repo_id,
        parent_id,
        parent_repo_id,
        min(named_parent) as named_parent,
        min(named_parent_key) as named_parent_key,
        relation,
        min(relation_source) as relation_source,
        -- Two names of one parent, one of them outdated: the edge is as good as the better name.
        max(status) as status,
        coalesce(relation is not null and max(status) in ('resolved', 'renamed'), false) as is_counted,
        is_parent_created_after_child
    from judged
    group by
        snapshot_date,
        child_id,
        child_repo_id,
        parent_id,
        parent_repo_id,
        case when parent_id is null then named_parent_key end,
        relation,
        is_parent_created_after_child

)

select * from final
