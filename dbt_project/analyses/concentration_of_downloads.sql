with concentration as (

    select * from {{ ref('fct_download_concentration') }}

),

final as (

    select
        repo_type,
        metric,
        repos_count,
        downloads_sum,
        top_0_01_percent_share,
        top_1_5_percent_share,
        top_10_percent_share,
        gini
    from concentration
    where snapshot_date = (select max(latest.snapshot_date) from concentration as latest)
    order by repo_type, metric

)

select * from final
