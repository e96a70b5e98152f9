with snapshots as (

    select * from {{ ref('stg_hub__snapshots') }}

),

adoption as (

    select * from {{ ref('fct_model_adoption') }}

),

previous_repos as (

    select * from {{ ref('stg_release__repos') }}

),

snapshot as (

    select max(snapshot_date) as snapshot_date from snapshots

),

-- Days that the numbers may come from: with one of them alone there is nothing to be relative to.
seen_dates as (

    select snapshot_date from snapshot
    union
    select snapshot_date from previous_repos
    union
    select snapshot_date from adoption

),

seen as (

    select count(*) as dates_count from seen_dates

),

ordered as (

    select
        *,
        row_number() over (
            partition by size_class, adoption_day
            order by downloads_all_time desc, repo_key asc
        ) as turn
    from adoption

),

baselines as (

    select
        size_class,
        adoption_day,
        'tenth' as baseline,
        cast(max(case when turn = 10 then downloads_all_time end) as double) as baseline_downloads,
        bool_or(is_synthetic and turn <= 10) as is_synthetic
    from ordered
    group by size_class, adoption_day
    union all
    -- The median of ten lies between the fifth and the sixth.
    select
        size_class,
        adoption_day,
        'median_of_ten' as baseline,
        case when count(*) >= 10 then sum(case when turn in (5, 6) then downloads_all_time end) / 2.0 end
            as baseline_downloads,
        bool_or(is_synthetic and turn <= 10) as is_synthetic
    from ordered
    group by size_class, adoption_day

),

final as (

    select
        snapshot.snapshot_date,
        adoption.repo_key,
        adoption.repo_id,
        adoption.handle,
        adoption.size_class,
        adoption.adoption_day,
        adoption.age_days,
        adoption.downloads_all_time,
        adoption.snapshot_date as observed_snapshot_date,
        baselines.baseline,
        cast(baselines.baseline_downloads as double) as baseline_downloads,
        cast(adoption.downloads_all_time as double) / nullif(baselines.baseline_downloads, 0) as relative_adoption,
        adoption.is_synthetic or baselines.is_synthetic as is_synthetic
    from adoption
    cross join snapshot
    inner join seen on seen.dates_count > 1
    inner join baselines
        on adoption.size_class = baselines.size_class and adoption.adoption_day = baselines.adoption_day

)

select * from final
