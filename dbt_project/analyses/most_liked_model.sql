with repos as (

    select * from {{ ref('dim_repos') }}

),

final as (

    select
        repo_id as model,
        likes,
        cast(created_at as date) as created,
        strftime(observed_at, '%Y-%m-%d %H:%M') as seen
    from repos
    where
        snapshot_date = (select max(latest.snapshot_date) from repos as latest)
        and repo_type = 'model'
    order by likes desc nulls last, repo_id asc, repo_key asc
    limit 1

)

select * from final
