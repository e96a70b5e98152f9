with models as {{ read_anew() }} (

    select * from {{ ref('int_models') }}

),

sizes as (

    select * from {{ ref('int_model_sizes') }}

),

edges as (

    select * from {{ ref('int_lineage_edges') }}

),

families as (

    select * from {{ ref('registry_families') }}

),

tagged_models as (

    select * from {{ ref('int_family_tagged_models') }}

),

-- Whoever names a parent, found or not, is no model of its own.
descended as (

    select distinct child_id from edges
    where status <> 'self_loop'

),

roots as (

    select
        models.model_id,
        models.repo_key,
        models.repo_id,
        models.handle,
        models.organization,
        models.created_at,
        coalesce(not models.is_legacy_import, false) as is_dated,
        sizes.parameters_count
    from models
    inner join sizes on models.model_id = sizes.model_id
    left join descended on models.model_id = descended.child_id
    where descended.child_id is null

),

family_models as (

    select
        roots.model_id,
        tagged_models.family,
        roots.parameters_count,
        families.family is not null as is_own
    from roots
    inner join tagged_models on roots.model_id = tagged_models.model_id
    left join families
        on tagged_models.family = families.family and lower(roots.handle) = lower(families.root_handle)
    where roots.parameters_count is not null

),

own_sizes as (

    select distinct family, parameters_count from family_models
    where is_own

),

copies as (

    select distinct family_models.model_id
    from family_models
    inner join own_sizes
        on
            family_models.family = own_sizes.family
            and family_models.parameters_count * 100 between own_sizes.parameters_count * 99
            and own_sizes.parameters_count * 101
    where not family_models.is_own

),

-- What has no date of its own was there before everything that has one.
compared as (

    select
        roots.*,
        max(roots.parameters_count) over before_it as largest_before,
        sum(case when roots.parameters_count is null then 1 else 0 end) over before_it as unknown_before
    from roots
    left join copies on roots.model_id = copies.model_id
    where copies.model_id is null
    window before_it as (
        order by case when roots.is_dated then 1 else 0 end, roots.created_at, roots.repo_id, roots.repo_key
        rows between unbounded preceding and 1 preceding
    )

),

-- Two repositories of one id are possible while the Hub is listed; the first one counts.
records as (

    select *, row_number() over (partition by repo_id order by created_at, repo_key) as turn from compared
    where is_dated and parameters_count * 100 > coalesce(largest_before, 0) * 101

),

final as (

    select
        organization,
        handle,
        repo_id,
        created_at,
        parameters_count,
        cast(coalesce(unknown_before, 0) as bigint) as roots_without_size_count
    from records
    where turn = 1

)

select * from final
