with concentration as (

    select * from {{ ref('fct_download_concentration') }}

),

final as (

    select snapshot_date, repo_type, metric from concentration
    where
        top_0_01_percent_share > top_1_5_percent_share
        or top_1_5_percent_share > top_10_percent_share
        or (gini is null) <> (top_10_percent_share is null)
        or (downloads_sum = 0 and gini is not null)

)

select * from final
