{{ config(materialized='table') }}
with manifests as (

    select * from {{ of_snapshot(source('raw', 'manifests')) }}
    where snapshot_date = {{ snapshot_date() }}

),

final as (

    select
        snapshot_date,
        "table" as table_name,
        source,
        source_label,
        source_label = 'recorded' as is_sample,
        synthetic as is_synthetic,
        complete as is_complete,
        -- Manifests from before there were incremental days say nothing of it.
        coalesce(refresh, 'full') = 'full' as is_full_crawl,
        coalesce(full_crawl_date, snapshot_date) as full_crawl_date,
        -- Of the organizations that a crawl asked for each may be unknown to the Hub, which is an observation.
        "rows" > 0 or {{ list_length('not_found') }} = 0 or (source <> 'bulk' and "table" = 'organizations')
            as is_observed,
        "rows" as rows_count,
        faulty_rows as faulty_rows_count,
        duplicate_rows as duplicate_rows_count,
        requests as requests_count,
        cast({{ list_length('not_found') }} as bigint) as not_found_count,
        first_observed_at,
        last_observed_at,
        source_commit_at
    from manifests

)

select * from final
