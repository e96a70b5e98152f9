with repos as (

    select * from {{ ref('int_repos') }}

),

registry_periods as (

    select * from {{ ref('int_registry_periods') }}

),

placed as (

    select
        registry_periods.organization,
        registry_periods.handle,
        repos.repo_type,
        repos.repo_key,
        repos.repo_id,
        repos.created_at,
        repos.is_legacy_import
    from repos
    inner join registry_periods
        on
            lower(repos.handle) = registry_periods.handle_key
            and {{ utc_day('repos.created_at') }} >= registry_periods.holds_from
            and {{ utc_day('repos.created_at') }} < registry_periods.holds_until
    where repos.created_at is not null

),

-- An organization with a legacy import was there before creation dates were kept.
ordered as (

    select
        *,
        bool_or(is_legacy_import) over (partition by organization) as has_legacy_import,
        row_number() over (
            partition by organization
            order by created_at, repo_id, repo_type, repo_key
        ) as turn
    from placed

),

final as (

    select organization, handle, repo_type, repo_id, created_at from ordered
    where turn = 1 and not has_legacy_import

)

select * from final
