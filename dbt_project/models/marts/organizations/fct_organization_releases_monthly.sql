with repos as (

    select * from {{ ref('dim_repos') }}

),

registry_periods as (

    select * from {{ ref('int_registry_periods') }}

),

new_repos as (

    select
        *,
        lower(handle) as handle_key,
        {{ utc_day('created_at') }} as created_date,
        cast(date_trunc('month', {{ utc_day('created_at') }}) as date) as month
    from repos
    where not is_legacy_import and created_at is not null

),

final as (

    select
        new_repos.snapshot_date,
        new_repos.month,
        coalesce(registry_periods.organization, 'unattributed') as organization,
        coalesce(registry_periods.company, registry_periods.organization, 'unattributed') as company,
        new_repos.repo_type,
        new_repos.modality,
        new_repos.size_class,
        new_repos.licence_class,
        count(*) as repos_count,
        bool_or(new_repos.is_synthetic) as is_synthetic
    from new_repos
    left join registry_periods
        on
            new_repos.handle_key = registry_periods.handle_key
            and new_repos.created_date >= registry_periods.holds_from
            and new_repos.created_date < registry_periods.holds_until
    group by
        new_repos.snapshot_date,
        new_repos.month,
        coalesce(registry_periods.organization, 'unattributed'),
        coalesce(registry_periods.company, registry_periods.organization, 'unattributed'),
        new_repos.repo_type,
        new_repos.modality,
        new_repos.size_class,
        new_repos.licence_class

)

select * from final
