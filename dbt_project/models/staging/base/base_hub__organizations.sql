with raw_rows as (

    select *, {{ raw_row_id() }} as row_id from {{ of_snapshot(source('raw', 'organizations')) }}
    where snapshot_date = {{ snapshot_date() }}

),

typed as {{ read_anew() }} (

    select
        snapshot_date,
        row_id,
        lower(handle) as handle_key,
        handle,
        {{ one_line('fullname') }} as display_name,
        isVerified as is_verified,
        plan,
        numUsers as members_count,
        numModels as hub_models_count,
        numDatasets as hub_datasets_count,
        numSpaces as hub_spaces_count,
        numPapers as hub_papers_count,
        numFollowers as followers_count,
        observed_at,
        fault,
        {{ broken_row_rule('organizations') }} as broken_rule
    from raw_rows

),

repeats as (

    {{ repeated_keys('typed', 'handle_key', 'handle') }}

),

final as (

    select
        typed.snapshot_date,
        typed.row_id,
        typed.handle_key,
        typed.handle,
        typed.display_name,
        typed.is_verified,
        typed.plan,
        typed.members_count,
        typed.hub_models_count,
        typed.hub_datasets_count,
        typed.hub_spaces_count,
        typed.hub_papers_count,
        typed.followers_count,
        typed.observed_at,
        {{ quarantine_rule('repeats.turn') }} as quarantine_rule,
        {{ quarantine_reason('repeats.turn') }} as quarantine_reason
    from typed
    left join repeats on typed.row_id = repeats.row_id

)

select * from final
