with accounts as (

    select * from {{ ref('fct_organization_snapshots') }}

),

final as (

    select
        followers_rank,
        handle,
        organization,
        country,
        followers_count,
        models_count,
        downloads_30d,
        is_followers_synthetic
    from accounts
    where
        snapshot_date = (select max(latest.snapshot_date) from accounts as latest)
        and followers_rank <= 20
    order by followers_rank, handle

)

select * from final
