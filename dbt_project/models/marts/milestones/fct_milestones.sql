with snapshots as (

    select * from {{ ref('stg_hub__snapshots') }}

),

curated_milestones as (

    select * from {{ ref('registry_milestones') }}

),

first_repos as (

    select * from {{ ref('int_first_repos') }}

),

nth_derivatives as (

    select * from {{ ref('int_nth_derivatives') }}

),

largest_models as (

    select * from {{ ref('int_largest_models') }}

),

top_ten_entries as (

    select * from {{ ref('fct_top_ten_entries') }}

),

models as (

    select * from {{ ref('stg_hub__models') }}

),

handles as (

    select * from {{ ref('int_handles') }}

),

snapshot as (

    select snapshot_date, is_synthetic, is_sample from snapshots
    where table_name = 'models'

),

-- Which repo of three lists is the first rests on each of them.
repo_lists as (

    select bool_or(is_synthetic) as is_synthetic, bool_or(is_sample or not is_observed) as is_partial from snapshots
    where table_name in ('models', 'datasets', 'spaces')

),

curated as (

    select
        milestone_id,
        event_date,
        date_precision,
        event_type,
        organization,
        handle,
        repo_id,
        title,
        hub_created_at as recorded_repo_created_date,
        cast(null as timestamptz) as found_repo_created_at,
        'source' as evidence_type,
        source_url,
        cast(null as varchar) as rule,
        cast(null as varchar) as subject_type,
        cast(null as varchar) as subject,
        cast(null as bigint) as threshold,
        cast(null as double) as value,
        cast(null as boolean) as is_value_synthetic
    from curated_milestones

),

-- Of a sample nobody can say what was the first, the hundredth or the largest.
found as (

    select
        'first_repo' as rule,
        concat('first_repo:organization:', organization) as milestone_id,
        {{ utc_day('created_at') }} as event_date,
        organization,
        handle,
        repo_id,
        concat('First repository of ', organization, ' on the Hub: the ', repo_type, ' ', repo_id) as title,
        created_at as found_repo_created_at,
        'organization' as subject_type,
        organization as subject,
        cast(null as bigint) as threshold,
        cast(null as double) as value,
        repo_lists.is_synthetic as is_value_synthetic
    from first_repos
    inner join repo_lists on not repo_lists.is_partial
    union all
    select
        'nth_derivative' as rule,
        concat('nth_derivative:', subject_type, ':', subject, ':', cast(threshold as varchar)) as milestone_id,
        {{ utc_day('created_at') }} as event_date,
        case when subject_type = 'organization' then subject end as organization,
        handle,
        repo_id,
        concat(subject, ': ', cast(threshold as varchar), ' models of others derive from it') as title,
        created_at as found_repo_created_at,
        subject_type,
        subject,
        threshold,
        cast(threshold as double) as value,
        cast(null as boolean) as is_value_synthetic
    from nth_derivatives
    inner join snapshot on not snapshot.is_sample
    union all
    select
        'largest_open_model' as rule,
        concat('largest_open_model:', repo_id) as milestone_id,
        {{ utc_day('created_at') }} as event_date,
        organization,
        handle,
        repo_id,
        concat(
            'Largest open model so far: ', repo_id, ' with ', cast(parameters_count as varchar), ' parameters; of ',
            cast(roots_without_size_count as varchar), ' models before it the size is not known'
        ) as title,
        created_at as found_repo_created_at,
        'model' as subject_type,
        repo_id as subject,
        cast(null as bigint) as threshold,
        cast(parameters_count as double) as value,
        cast(null as boolean) as is_value_synthetic
    from largest_models
    inner join snapshot on not snapshot.is_sample
    union all
    select
        'top_ten_likes' as rule,
        concat('top_ten_likes:', subject, ':', cast(snapshot_date as varchar)) as milestone_id,
        snapshot_date as event_date,
        cast(null as varchar) as organization,
        case when subject like '%/%' then split_part(subject, '/', 1) end as handle,
        subject as repo_id,
        concat('Among the ten most liked models: ', subject, ' at rank ', cast(subject_rank as varchar)) as title,
        cast(null as timestamptz) as found_repo_created_at,
        'model' as subject_type,
        subject,
        cast(null as bigint) as threshold,
        cast(value as double) as value,
        is_synthetic as is_value_synthetic
    from top_ten_entries
    where ranking = 'model_likes' and is_new_entry
    union all
    select
        'most_liked' as rule,
        concat('most_liked:', subject, ':', cast(snapshot_date as varchar)) as milestone_id,
        snapshot_date as event_date,
        cast(null as varchar) as organization,
        case when subject like '%/%' then split_part(subject, '/', 1) end as handle,
        subject as repo_id,
        concat('Most liked model: ', subject) as title,
        cast(null as timestamptz) as found_repo_created_at,
        'model' as subject_type,
        subject,
        cast(null as bigint) as threshold,
        cast(value as double) as value,
        is_synthetic as is_value_synthetic
    from top_ten_entries
    where ranking = 'model_likes' and is_new_first
    union all
    select
        'top_ten_followers' as rule,
        concat('top_ten_followers:', subject, ':', cast(snapshot_date as varchar)) as milestone_id,
        snapshot_date as event_date,
        cast(null as varchar) as organization,
        subject as handle,
        cast(null as varchar) as repo_id,
        concat('Among the ten most followed organizations: ', subject, ' at rank ', cast(subject_rank as varchar))
            as title,
        cast(null as timestamptz) as found_repo_created_at,
        'handle' as subject_type,
        subject,
        cast(null as bigint) as threshold,
        cast(value as double) as value,
        is_synthetic as is_value_synthetic
    from top_ten_entries
    where ranking = 'handle_followers' and is_new_entry

),

detected as (

    select
        found.milestone_id,
        found.event_date,
        'day' as date_precision,
        'detected' as event_type,
        coalesce(found.organization, handles.organization, found.handle) as organization,
        coalesce(handles.handle, found.handle) as handle,
        found.repo_id,
        found.title,
        cast(null as date) as recorded_repo_created_date,
        found.found_repo_created_at,
        'rule' as evidence_type,
        cast(null as varchar) as source_url,
        found.rule,
        found.subject_type,
        found.subject,
        found.threshold,
        found.value,
        found.is_value_synthetic
    from found
    left join handles on lower(found.handle) = handles.handle_key

),

milestones as (

    select * from curated
    union all
    select * from detected

),

same_named as (

    select
        milestones.milestone_id,
        models.repo_key,
        models.created_at,
        models.is_legacy_import,
        row_number() over (
            partition by milestones.milestone_id
            order by case when models.repo_id = milestones.repo_id then 0 else 1 end, models.repo_id, models.repo_key
        ) as turn
    from milestones
    inner join models on lower(milestones.repo_id) = lower(models.repo_id)
    where milestones.found_repo_created_at is null

),

repos as (

    select * from same_named
    where turn = 1

),

final as (

    select
        snapshot.snapshot_date,
        milestones.milestone_id,
        milestones.event_date,
        milestones.date_precision,
        milestones.event_type,
        milestones.organization,
        milestones.handle,
        milestones.repo_id,
        milestones.title,
        milestones.recorded_repo_created_date,
        milestones.found_repo_created_at is not null or repos.repo_key is not null as is_repo_observed,
        coalesce(milestones.found_repo_created_at, repos.created_at) as repo_created_at,
        -- Rules that date by creation leave legacy imports out.
        case
            when milestones.found_repo_created_at is not null then false
            else repos.is_legacy_import
        end as is_legacy_import,
        milestones.evidence_type,
        milestones.source_url,
        milestones.rule,
        milestones.subject_type,
        milestones.subject,
        milestones.threshold,
        milestones.value,
        -- What the rule read, else the list of models.
        coalesce(milestones.is_value_synthetic, snapshot.is_synthetic) as is_synthetic
    from milestones
    cross join snapshot
    left join repos on milestones.milestone_id = repos.milestone_id

)

select * from final
