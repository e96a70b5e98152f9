-- All handles of a company share its headquarters' country, and all rows of an organization one company.
with registry as (

    select * from {{ ref('registry_organizations') }}

),

companies as (

    select company as name, count(distinct company_country) as variants_count from registry
    where company is not null
    group by company

),

organizations as (

    select organization as name, count(distinct coalesce(company, '')) as variants_count from registry
    group by organization

),

final as (

    select * from companies
    where variants_count <> 1
    union all
    select * from organizations
    where variants_count <> 1

)

select * from final
