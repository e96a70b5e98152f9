with registry as (

    select
        *,
        coalesce(valid_from, date '1900-01-01') as holds_from,
        coalesce(valid_to, date '9999-12-31') as holds_until
    from {{ ref('registry_organizations') }}

),

judged as (

    select
        one.handle,
        other.handle as other_handle,
        case
            when one.company = other.company and one.company_country <> other.company_country
                then 'one company, two headquarters'
            when one.organization = other.organization and coalesce(one.company, '') <> coalesce(other.company, '')
                then 'one organization, two companies'
        end as problem
    from registry as one
    inner join registry as other
        on
            (one.company = other.company or one.organization = other.organization)
            and one.handle < other.handle
            and one.holds_from < other.holds_until
            and one.holds_until > other.holds_from

),

final as (

    select * from judged
    where problem is not null

)

select * from final
