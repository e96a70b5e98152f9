with raw_rows as (

    select *, {{ raw_row_id() }} as row_id from {{ of_snapshot(source('raw', 'daily_papers')) }}
    where snapshot_date = {{ snapshot_date() }}

),

typed as {{ read_anew() }} (

    select
        snapshot_date,
        row_id,
        concat(cast(date as varchar), ' ', paper.id) as listing_key,
        date as daily_date,
        paper.id as paper_id,
        {{ one_line('coalesce(paper.title, title)') }} as title,
        paper.publishedAt as published_at,
        paper.submittedOnDailyAt as submitted_on_daily_at,
        paper.upvotes,
        {{ list_length('paper.authors') }} as authors_count,
        numComments as comments_count,
        paper.organization.name as inner_handle,
        organization.name as outer_handle,
        observed_at,
        fault,
        {{ broken_row_rule('daily_papers') }} as broken_rule
    from raw_rows

),

repeats as (

    {{ repeated_keys('typed', 'listing_key', 'upvotes desc nulls last') }}

),

final as (

    select
        typed.snapshot_date,
        typed.row_id,
        typed.listing_key,
        typed.daily_date,
        typed.paper_id,
        typed.title,
        typed.published_at,
        typed.submitted_on_daily_at,
        typed.upvotes,
        cast(typed.authors_count as bigint) as authors_count,
        typed.comments_count,
        case when {{ matches('typed.inner_handle', handle_pattern()) }} then typed.inner_handle end as inner_handle,
        case when {{ matches('typed.outer_handle', handle_pattern()) }} then typed.outer_handle end as outer_handle,
        typed.observed_at,
        {{ quarantine_rule('repeats.turn') }} as quarantine_rule,
        {{ quarantine_reason('repeats.turn') }} as quarantine_reason
    from typed
    left join repeats on typed.row_id = repeats.row_id

)

select * from final
