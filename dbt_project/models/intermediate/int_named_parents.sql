with models as {{ read_anew() }} (

    select * from {{ ref('stg_hub__models') }}

),

hub_parents as (

    select row_id as child_id, base_models_relation as relation, {{ explode('base_models') }} as parent
    from models
    where base_models is not null

),

from_hub as (

    select
        child_id,
        parent._id as named_key,
        coalesce(parent.id, parent._id) as named_parent,
        case when relation in ('finetune', 'adapter', 'quantized', 'merge') then relation end as relation,
        'hub' as relation_source
    from hub_parents
    where coalesce(parent.id, parent._id) is not null

),

tags as (

    select row_id as child_id, base_models is not null as has_hub_parents, {{ explode('tags') }} as tag
    from models

),

parent_tags as {{ read_once() }} (

    select child_id, has_hub_parents, substr(tag, length('base_model:') + 1) as named
    from tags
    where {{ has_prefix('tag', "'base_model:'") }}

),

related_tags as (

    select
        child_id,
        has_hub_parents,
        named,
        case
            {%- for relation in relations() %}
            when {{ has_prefix('named', "'" ~ relation ~ ":'") }} then '{{ relation }}'
            {%- endfor %}
        end as relation
    from parent_tags

),

typed_tags as (

    select child_id, has_hub_parents, substr(named, length(relation) + 2) as named_parent, relation
    from related_tags
    where relation is not null

),

from_tags as (

    select
        child_id,
        cast(null as varchar) as named_key,
        named_parent,
        relation,
        'tag' as relation_source
    from typed_tags
    where not has_hub_parents

),

already_named as (

    select child_id, lower(named_parent) as named_parent_key from from_hub
    union
    select child_id, lower(named_parent) as named_parent_key from typed_tags

),

declared_only as (

    select
        related_tags.child_id,
        cast(null as varchar) as named_key,
        related_tags.named as named_parent,
        cast(null as varchar) as relation,
        'declared' as relation_source
    from related_tags
    left join already_named
        on
            related_tags.child_id = already_named.child_id
            and lower(related_tags.named) = already_named.named_parent_key
    where related_tags.relation is null and already_named.child_id is null

),

final as (

    select * from from_hub
    union
    select * from from_tags
    union
    select * from declared_only

)

select * from final
