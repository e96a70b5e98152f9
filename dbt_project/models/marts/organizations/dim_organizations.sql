with snapshots as (

    select * from {{ ref('stg_hub__snapshots') }}

),

handles as (

    select * from {{ ref('int_handles') }}

),

registry as (

    select * from {{ ref('int_registry') }}

),

overviews as (

    select * from {{ ref('stg_hub__organizations') }}

),

aliases as (

    select * from {{ ref('registry_aliases') }}

),

company_aliases as (

    select company, {{ joined('alias') }} as company_aliases from aliases
    group by company

),

final as (

    select
        snapshots.snapshot_date,
        handles.handle,
        overviews.display_name,
        handles.organization,
        handles.company,
        company_aliases.company_aliases,
        handles.country,
        registry.account_country,
        handles.category,
        registry.valid_from,
        registry.valid_to,
        registry.successor_handle,
        registry.confidence,
        registry.note,
        handles.is_in_registry,
        overviews.handle is not null as is_overview_observed,
        overviews.is_verified,
        overviews.plan,
        snapshots.is_synthetic
    from handles
    inner join snapshots on snapshots.table_name = 'organizations'
    left join registry on handles.handle_key = registry.handle_key
    left join company_aliases on handles.company = company_aliases.company
    left join overviews on handles.handle_key = overviews.handle_key
    where handles.is_in_registry or overviews.handle is not null

)

select * from final
