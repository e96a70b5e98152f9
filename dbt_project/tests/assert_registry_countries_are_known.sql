{{ config(meta={'dagster': {'ref': {'name': 'registry_organizations'}}}) }}
with registry as (

    select * from {{ ref('registry_organizations') }}

),

countries as (

    select * from {{ ref('registry_countries') }}

),

judged as (

    select
        registry.handle,
        registry.country,
        registry.company_country,
        case
            when accounts.country is null then 'country is no known code'
            when registry.company_country is not null and companies.country is null
                then 'company_country is no known code'
            when (registry.company is null) <> (registry.company_country is null)
                then 'company and company_country belong together'
        end as problem
    from registry
    left join countries as accounts on registry.country = accounts.country
    left join countries as companies on registry.company_country = companies.country

),

final as (

    select * from judged
    where problem is not null

)

select * from final
