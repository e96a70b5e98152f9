with edges as (

    select * from {{ ref('int_lineage_edges') }}

),

handles as (

    select * from {{ ref('int_handles') }}

),

families as (

    select * from {{ ref('registry_families') }}

),

names as (

    select named_parent_key, min(named_parent) as repo_id from edges
    where status = 'unresolved'
    group by named_parent_key

),

spelled as (

    select
        named_parent_key,
        repo_id,
        split_part(named_parent_key, '/', 1) as handle_key,
        min(split_part(repo_id, '/', 1)) over (partition by split_part(named_parent_key, '/', 1)) as handle_as_named
    from names

),

parents as (

    select
        spelled.named_parent_key,
        spelled.repo_id,
        coalesce(handles.handle, spelled.handle_as_named) as handle,
        coalesce(handles.organization, spelled.handle_as_named) as organization,
        handles.company,
        handles.country
    from spelled
    left join handles on spelled.handle_key = handles.handle_key

),

final as (

    {{ subjects_of('parents', 'named_parent_key') }}

)

select * from final
