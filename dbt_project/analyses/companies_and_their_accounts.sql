with organizations as (

    select * from {{ ref('dim_organizations') }}

),

final as (

    select
        company,
        max(company_aliases) as also_known_as,
        max(country) as country,
        string_agg(handle, ', ' order by handle) as accounts
    from organizations
    where
        snapshot_date = (select max(latest.snapshot_date) from organizations as latest)
        and company is not null
    group by company
    order by company

)

select * from final
