{{ config(materialized='table') }}
with manifests as (

    select * from {{ of_snapshot(source('raw', 'manifests')) }}
    where snapshot_date = {{ snapshot_date() }}

),

sizes as (

    select table_name, rows_count, row_number() over (partition by table_name order by size_date desc) as turn
    from {{ ref('registry_hub_sizes') }}
    where size_date <= {{ snapshot_date() }}

),

observed as (

    select
        *,
        -- Of the organizations that a crawl asked for each may be unknown to the Hub, which is an observation.
        "rows" > 0 or {{ list_length('not_found') }} = 0 or (source <> 'bulk' and "table" = 'organizations')
            as is_observed
    from manifests

),

-- Null where neither the source nor a known size tells.
judged as (

    select
        observed.*,
        case
            when observed.source_label = 'recorded' then true
            when {{ coverage_setting() }} <> 'auto' then {{ coverage_setting() }} = 'sample'
            when not observed.complete then true
            when observed.synthetic then false
            when observed.source = 'api' and observed.source_label = 'https://huggingface.co' then false
            when observed.is_observed then observed."rows" < {{ whole_share() }} * sizes.rows_count
        end as is_sample
    from observed
    left join sizes on observed."table" = sizes.table_name and sizes.turn = 1

),

final as (

    select
        snapshot_date,
        "table" as table_name,
        source,
        source_label,
        -- Lists of unknown size are as whole as the list of models; where the size of that is unknown, nobody can say.
        coalesce(is_sample, bool_or(case when "table" = 'models' then is_sample end) over (), true) as is_sample,
        synthetic as is_synthetic,
        complete as is_complete,
        -- Manifests from before there were incremental days say nothing of it.
        coalesce(refresh, 'full') = 'full' as is_full_crawl,
        coalesce(full_crawl_date, snapshot_date) as full_crawl_date,
        is_observed,
        "rows" as rows_count,
        faulty_rows as faulty_rows_count,
        duplicate_rows as duplicate_rows_count,
        requests as requests_count,
        cast({{ list_length('not_found') }} as bigint) as not_found_count,
        first_observed_at,
        last_observed_at,
        source_commit_at
    from judged

)

select * from final
