with edges as (

    select * from {{ ref('fct_lineage_edges') }}

),

organizations as (

    select * from {{ ref('dim_organizations') }}

),

latest as (

    select max(snapshot_date) as snapshot_date from edges

),

known as (

    select
        lower(organizations.handle) as handle_key,
        organizations.organization,
        organizations.company
    from organizations
    inner join latest on organizations.snapshot_date = latest.snapshot_date

),

-- Children of another organization than their parent's, as `direct_external` counts them.
external_children as (

    select distinct
        edges.child_key,
        parents.company
    from edges
    inner join latest on edges.snapshot_date = latest.snapshot_date
    inner join known as parents on lower(split_part(edges.parent, '/', 1)) = parents.handle_key
    left join known as children on lower(split_part(edges.child, '/', 1)) = children.handle_key
    where
        edges.is_counted
        and parents.company in ('Alibaba', 'Google', 'Meta')
        and coalesce(children.organization, split_part(edges.child, '/', 1)) <> parents.organization

),

counted as (

    select
        count(distinct child_key) filter (where company = 'Alibaba') as alibaba,
        count(distinct child_key) filter (where company = 'Google') as google,
        count(distinct child_key) filter (where company = 'Meta') as meta,
        count(distinct child_key) filter (where company in ('Google', 'Meta')) as google_and_meta_union
    from external_children

),

final as (

    select
        alibaba,
        google,
        meta,
        google_and_meta_union,
        google + meta as google_and_meta_sum,
        alibaba * 1.0 / nullif(google_and_meta_union, 0) as alibaba_over_union,
        alibaba * 1.0 / nullif(google + meta, 0) as alibaba_over_sum
    from counted
    where alibaba + google + meta > 0

)

select * from final
