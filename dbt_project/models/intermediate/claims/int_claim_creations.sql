with repos as (

    select * from {{ ref('int_repos') }}

),

registry_periods as (

    select * from {{ ref('int_registry_periods') }}

),

created as (

    select repo_type, lower(handle) as handle_key, {{ utc_day('created_at') }} as created_date, licence
    from repos
    where handle is not null and created_at is not null and not is_legacy_import

),

final as (

    select
        created.repo_type,
        registry_periods.company,
        registry_periods.headquarters_country,
        created.created_date,
        count(*) as new_repos_count,
        count(case when created.licence = 'apache-2.0' then 1 end) as new_apache_2_0_count
    from created
    inner join registry_periods
        on
            created.handle_key = registry_periods.handle_key
            and created.created_date >= registry_periods.holds_from
            and created.created_date < registry_periods.holds_until
    group by
        created.repo_type,
        registry_periods.company,
        registry_periods.headquarters_country,
        created.created_date

)

select * from final
