with repos as {{ read_anew() }} (

    select * from {{ ref('int_repos') }}

),

repos_before as {{ read_anew() }} (

    select * from {{ ref('stg_release__repos') }}

),

tombstones as (

    select * from {{ ref('stg_release__tombstones') }}

),

modalities as (

    select * from {{ ref('registry_modalities') }}

),

licences as (

    select * from {{ ref('registry_licences') }}

),

types as (

    {% for repo_type in ['model', 'dataset', 'space'] -%}
    select '{{ repo_type }}' as repo_type
    {%- if not loop.last %} union all{% endif %}
    {% endfor %}

),

-- Where only one of the two sources gives a key of the Hub, equal ids are the same repo.
paired as (

    select
        repos.repo_type,
        repos.downloads_all_time,
        repos.downloads_30d,
        repos.likes,
        repos_before.downloads_all_time as downloads_all_time_before,
        repos_before.downloads_30d as downloads_30d_before,
        repos_before.likes as likes_before,
        -- A change of the repo may change its size.
        case when repos.last_modified_at = repos_before.last_modified_at then repos.stored_parameters_count end
            as stored_parameters_count,
        repos_before.stored_parameters_count as stored_parameters_count_before,
        coalesce(repos.observed_at <> repos_before.observed_at, true) as is_observed_anew
    from repos
    inner join repos_before on repos.repo_type = repos_before.repo_type and repos.repo_key = repos_before.repo_key
    union all
    select
        repos.repo_type,
        repos.downloads_all_time,
        repos.downloads_30d,
        repos.likes,
        repos_before.downloads_all_time as downloads_all_time_before,
        repos_before.downloads_30d as downloads_30d_before,
        repos_before.likes as likes_before,
        -- A change of the repo may change its size.
        case when repos.last_modified_at = repos_before.last_modified_at then repos.stored_parameters_count end
            as stored_parameters_count,
        repos_before.stored_parameters_count as stored_parameters_count_before,
        coalesce(repos.observed_at <> repos_before.observed_at, true) as is_observed_anew
    from repos
    inner join repos_before on repos.repo_type = repos_before.repo_type and repos.repo_id = repos_before.repo_id
    where
        repos.repo_key <> repos_before.repo_key
        and (repos.repo_key = repos.repo_id or repos_before.repo_key = repos_before.repo_id)

),

compared as (

    select
        repo_type,
        count(case when downloads_all_time >= 0 and downloads_all_time_before >= 0 then 1 end)
            as downloads_all_time_known,
        count(case when downloads_all_time < downloads_all_time_before then 1 end) as downloads_all_time_fell,
        count(case when likes >= 0 and likes_before >= 0 then 1 end) as likes_known,
        count(case when likes < likes_before then 1 end) as likes_fell,
        count(case when stored_parameters_count > 0 and stored_parameters_count_before > 0 then 1 end)
            as parameters_known,
        count(case when stored_parameters_count <> stored_parameters_count_before then 1 end)
            as parameters_counted_anew,
        -- A row that an incremental day has carried on stands still by itself.
        count(case when is_observed_anew and downloads_30d >= 0 and downloads_30d_before >= 0 then 1 end)
            as downloads_30d_known,
        count(case when is_observed_anew and downloads_30d <> downloads_30d_before then 1 end) as downloads_30d_changed
    from paired
    group by repo_type

),

deleted as (

    select distinct repo_type, repo_key from tombstones

),

present as (

    select
        repos.repo_type,
        count(*) as repos_count,
        count(deleted.repo_key) as came_back_count
    from repos
    left join deleted on repos.repo_type = deleted.repo_type and repos.repo_key = deleted.repo_key
    group by repos.repo_type

),

tagged as (

    select
        count(repos.pipeline_tag) as pipeline_tags_count,
        count(case when modalities.tag is null then repos.pipeline_tag end) as pipeline_tags_unknown_count,
        count(repos.licence) as licences_count,
        count(case when licences.licence is null then repos.licence end) as licences_unknown_count
    from repos
    left join modalities on repos.pipeline_tag = modalities.tag
    left join licences on repos.licence = licences.licence
    where repos.repo_type = 'model'

),

checks as (

    select
        'downloads_all_time_fell' as check_name,
        types.repo_type,
        coalesce(compared.downloads_all_time_known, 0) as rows_tested,
        coalesce(compared.downloads_all_time_fell, 0) as rows_failing
    from types
    left join compared on types.repo_type = compared.repo_type
    where types.repo_type <> 'space'
    union all
    select
        'likes_fell' as check_name,
        types.repo_type,
        coalesce(compared.likes_known, 0) as rows_tested,
        coalesce(compared.likes_fell, 0) as rows_failing
    from types
    left join compared on types.repo_type = compared.repo_type
    union all
    select
        'parameters_counted_anew' as check_name,
        'model' as repo_type,
        coalesce(sum(parameters_known), 0) as rows_tested,
        coalesce(sum(parameters_counted_anew), 0) as rows_failing
    from compared
    where repo_type = 'model'
    union all
    select
        'downloads_frozen' as check_name,
        types.repo_type,
        coalesce(compared.downloads_30d_known, 0) as rows_tested,
        case when compared.downloads_30d_changed = 0 then compared.downloads_30d_known else 0 end as rows_failing
    from types
    left join compared on types.repo_type = compared.repo_type
    where types.repo_type <> 'space'
    union all
    select
        'repo_came_back' as check_name,
        types.repo_type,
        coalesce(present.repos_count, 0) as rows_tested,
        coalesce(present.came_back_count, 0) as rows_failing
    from types
    left join present on types.repo_type = present.repo_type
    union all
    select
        'pipeline_tag_unknown' as check_name,
        'model' as repo_type,
        pipeline_tags_count as rows_tested,
        pipeline_tags_unknown_count as rows_failing
    from tagged
    union all
    select
        'licence_unknown' as check_name,
        'model' as repo_type,
        licences_count as rows_tested,
        licences_unknown_count as rows_failing
    from tagged

),

final as (

    select
        check_name,
        concat(repo_type, 's') as table_name,
        rows_tested,
        rows_failing
    from checks

)

select * from final
