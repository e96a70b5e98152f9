with registry as (

    select * from {{ ref('registry_organizations') }}

),

periods as (

    select
        *,
        lower(handle) as handle_key,
        lead(valid_from) over (partition by lower(handle) order by valid_from nulls first) as next_valid_from
    from registry

),

final as (

    select
        handle_key,
        handle,
        organization,
        company,
        coalesce(company_country, country) as country,
        nullif(coalesce(company_country, country), 'INT') as headquarters_country,
        country as account_country,
        category,
        valid_from,
        valid_to,
        successor_handle,
        confidence,
        note,
        coalesce(valid_from, date '1900-01-01') as holds_from,
        -- The last row of a handle goes on to name it: cards and papers are not rewritten when an account is renamed.
        coalesce(next_valid_from, date '9999-12-31') as holds_until
    from periods

)

select * from final
