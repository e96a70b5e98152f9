with gaps as (

    select * from {{ ref('rpt_registry_gaps') }}

),

-- A handle matters as much as the best of its places; ranks end at 500.
placed as (

    select
        *,
        least(
            coalesce(downloads_30d_rank, 501),
            coalesce(followers_rank, 501),
            coalesce(derivatives_direct_external_rank, 501),
            coalesce(papers_rank, 501)
        ) as best_rank
    from gaps
    where snapshot_date = (select max(latest.snapshot_date) from gaps as latest)

),

final as (

    select
        best_rank,
        handle,
        downloads_30d,
        followers_count,
        derivatives_direct_external,
        papers_count
    from placed
    order by best_rank, handle
    limit 20

)

select * from final
