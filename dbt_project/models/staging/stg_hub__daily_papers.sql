with base as (

    select * from {{ ref('base_hub__daily_papers') }}

),

final as (

    select
        snapshot_date,
        row_id,
        listing_key,
        daily_date,
        paper_id,
        title,
        published_at,
        submitted_on_daily_at,
        upvotes,
        authors_count,
        comments_count,
        inner_handle,
        outer_handle,
        observed_at
    from base
    where quarantine_reason is null

)

select * from final
