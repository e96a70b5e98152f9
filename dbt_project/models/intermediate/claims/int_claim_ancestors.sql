with claim_models as (

    select * from {{ ref('int_claim_models') }}

),

closure as (

    select * from {{ ref('int_lineage_closure') }}

),

edges as (

    select * from {{ ref('int_lineage_edges') }}

),

handles as (

    select * from {{ ref('int_handles') }}

),

claims as (

    select claim_id, model_id from claim_models
    where metric = 'lineage.ancestor_handle'

),

lines as (

    select claim_id, model_id from claims
    union
    select claims.claim_id, closure.ancestor_id as model_id
    from claims
    inner join closure on claims.model_id = closure.descendant_id

),

-- Named parents count whether they were found or not: a sample holds a model without what it comes from.
named as (

    select
        lines.claim_id,
        split_part(coalesce(edges.parent_repo_id, edges.named_parent), '/', 1) as handle
    from lines
    inner join edges on lines.model_id = edges.child_id
    where
        edges.status not in ('self_loop', 'not_a_repo_id')
        and coalesce(edges.parent_repo_id, edges.named_parent) like '%/%'

),

final as (

    select
        named.claim_id,
        lower(named.handle) as ancestor_handle_key,
        coalesce(max(handles.handle), min(named.handle)) as ancestor_handle
    from named
    left join handles on lower(named.handle) = handles.handle_key
    group by named.claim_id, lower(named.handle)

)

select * from final
