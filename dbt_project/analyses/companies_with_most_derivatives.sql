with counts as (

    select * from {{ ref('fct_derivative_counts') }}

),

organizations as (

    select * from {{ ref('dim_organizations') }}

),

accounts as (

    select
        company,
        string_agg(handle, ', ' order by handle) as accounts
    from organizations
    where snapshot_date = (select max(latest.snapshot_date) from organizations as latest)
    group by company

),

final as (

    select
        subject as company,
        max(value) filter (where definition = 'direct_external') as direct_external,
        max(value) filter (where definition = 'direct') as direct,
        max(value) filter (where definition = 'edges') as edges,
        max(value) filter (where definition = 'transitive') as transitive,
        max(value) filter (where definition = 'transitive_external') as transitive_external,
        max(value) filter (where definition = 'fractional') as fractional,
        max(value) filter (where definition = 'declared') as declared,
        max(value) filter (where definition = 'tagged') as tagged,
        max(accounts.accounts) as accounts
    from counts
    left join accounts on counts.subject = accounts.company
    where
        snapshot_date = (select max(latest.snapshot_date) from counts as latest)
        and subject_type = 'company'
        and relation = 'all'
    group by subject
    order by direct_external desc nulls last, company asc
    limit 10

)

select * from final
