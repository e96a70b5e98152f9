with repos as (

    select * from {{ ref('dim_repos') }}

),

most_liked as (

    select *
    from repos
    where
        snapshot_date = (select max(latest.snapshot_date) from repos as latest)
        and repo_type = 'model'
    order by likes desc nulls last, repo_id asc, repo_key asc
    limit 100

),

final as (

    select
        licence_class,
        coalesce(licence, 'none') as licence,
        count(*) as models_count,
        cast(sum(likes) as bigint) as likes
    from most_liked
    group by licence_class, coalesce(licence, 'none')
    order by models_count desc, licence_class asc, licence asc

)

select * from final
