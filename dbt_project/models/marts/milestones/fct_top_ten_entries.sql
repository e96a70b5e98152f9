{%- set columns = [
    'snapshot_date', 'ranking', 'subject', 'subject_rank', 'value', 'previous_snapshot_date', 'is_new_entry',
    'is_new_first', 'is_synthetic',
] -%}
with snapshots as (

    select * from {{ ref('stg_hub__snapshots') }}

),

repos as (

    select * from {{ ref('int_repos') }}

),

organizations as (

    select * from {{ ref('fct_organization_snapshots') }}

),

previous_repos as (

    select * from {{ ref('stg_release__repos') }}

),

previous_organizations as {{ read_anew() }} (

    select * from {{ ref('stg_release__organization_snapshots') }}

),

history as (

    select * from {{ ref('stg_release__top_ten_entries') }}

),

snapshot as (

    select max(snapshot_date) as snapshot_date from snapshots

),

-- A sample has no top ten, and who enters one cannot be told from a sample either.
samples as (

    select is_sample from snapshots
    where table_name = 'models'
    union all
    select bool_or(is_sample) as is_sample from previous_repos
    where repo_type = 'model'

),

coverage as (

    select coalesce(bool_or(is_sample), false) as is_sample from samples

),

organization_dates as (

    select max(snapshot_date) as snapshot_date from previous_organizations

),

ranked_subjects as (

    select
        'present' as moment,
        'model_likes' as ranking,
        repos.repo_key as subject_key,
        repos.repo_id as subject,
        repos.likes as value,
        snapshot.snapshot_date,
        repos.is_synthetic
    from repos
    cross join snapshot
    where repos.repo_type = 'model' and repos.likes is not null
    union all
    select
        'present' as moment,
        'handle_followers' as ranking,
        lower(organizations.handle) as subject_key,
        organizations.handle as subject,
        organizations.followers_count as value,
        organizations.snapshot_date,
        organizations.is_followers_synthetic as is_synthetic
    from organizations
    inner join snapshot on organizations.snapshot_date = snapshot.snapshot_date
    where organizations.followers_count is not null
    union all
    select
        'previous' as moment,
        'model_likes' as ranking,
        repo_key as subject_key,
        repo_id as subject,
        likes as value,
        snapshot_date,
        is_synthetic
    from previous_repos
    where repo_type = 'model' and likes is not null
    union all
    select
        'previous' as moment,
        'handle_followers' as ranking,
        lower(previous_organizations.handle) as subject_key,
        previous_organizations.handle as subject,
        previous_organizations.followers_count as value,
        previous_organizations.snapshot_date,
        previous_organizations.is_followers_synthetic as is_synthetic
    from previous_organizations
    inner join organization_dates on previous_organizations.snapshot_date = organization_dates.snapshot_date
    where previous_organizations.followers_count is not null

),

-- Values are few: sorting them leaves a handful of subjects to sort.
value_counts as (

    select moment, ranking, value, count(*) as subjects_count from ranked_subjects
    group by moment, ranking, value

),

placed_values as (

    select
        moment,
        ranking,
        value,
        sum(subjects_count) over (partition by moment, ranking order by value desc) - subjects_count as ahead_count
    from value_counts

),

ranks as (

    select
        ranked_subjects.*,
        row_number() over (
            partition by ranked_subjects.moment, ranked_subjects.ranking
            order by ranked_subjects.value desc, ranked_subjects.subject asc, ranked_subjects.subject_key asc
        ) as subject_rank
    from ranked_subjects
    inner join placed_values
        on
            ranked_subjects.moment = placed_values.moment
            and ranked_subjects.ranking = placed_values.ranking
            and ranked_subjects.value = placed_values.value
    where placed_values.ahead_count < 10

),

present_ranks as (

    select * from ranks
    where moment = 'present' and subject_rank <= 10

),

previous_ranks as (

    select * from ranks
    where moment = 'previous' and subject_rank <= 10

),

-- A ranking that the release before does not have tells no entries.
comparisons as (

    select ranking, max(snapshot_date) as previous_snapshot_date, bool_or(is_synthetic) as is_synthetic
    from previous_ranks
    group by ranking

),

compared as (

    select
        present_ranks.snapshot_date,
        present_ranks.ranking,
        present_ranks.subject,
        present_ranks.subject_rank,
        present_ranks.value,
        comparisons.previous_snapshot_date,
        previous_ranks.subject_rank is null as is_new_entry,
        present_ranks.subject_rank = 1 and coalesce(previous_ranks.subject_rank > 1, true) as is_new_first,
        present_ranks.is_synthetic or comparisons.is_synthetic as is_synthetic
    from present_ranks
    inner join coverage on not coverage.is_sample
    inner join comparisons on present_ranks.ranking = comparisons.ranking
    left join previous_ranks
        on
            present_ranks.ranking = previous_ranks.ranking
            and (
                present_ranks.subject_key = previous_ranks.subject_key
                -- Where one of two sources gives no key of the Hub, the id has to do.
                or (
                    present_ranks.subject = previous_ranks.subject
                    and (
                        present_ranks.subject_key = present_ranks.subject
                        or previous_ranks.subject_key = previous_ranks.subject
                    )
                )
            )

),

current_rows as (

    select * from compared
    where is_new_entry or is_new_first

),

final as (

    select {{ columns | join(', ') }} from current_rows
    union all
    select {{ columns | join(', ') }} from history

)

select * from final
