with claims as (

    select * from {{ ref('registry_claims') }}

),

registry as (

    select * from {{ ref('registry_organizations') }}

),

aliases as (

    select * from {{ ref('registry_aliases') }}

),

named as (

    {{ claim_subjects('claims') }}

),

company_names as (

    select company as name, company, 1 as preference from registry
    where company is not null
    union
    select organization as name, company, 2 as preference from registry
    where company is not null
    union
    select alias as name, company, 3 as preference from aliases

),

ranked_names as (

    select name, company, row_number() over (partition by name order by preference, company) as turn
    from company_names

),

final as (

    select
        named.claim_id,
        named.side,
        case when named.subject_type = 'companies' then 'company' else named.subject_type end as subject_type,
        -- Sources name companies by other names as well, and organizations of theirs.
        case
            when named.subject_type in ('company', 'companies') then coalesce(ranked_names.company, named.subject)
            else named.subject
        end as subject,
        named.subject_type not in ('company', 'companies') or ranked_names.company is not null as is_known
    from named
    left join ranked_names on named.subject = ranked_names.name and ranked_names.turn = 1

)

select * from final
