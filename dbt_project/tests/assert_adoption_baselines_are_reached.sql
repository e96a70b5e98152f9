with relative_adoption as (

    select * from {{ ref('fct_relative_adoption') }}

),

final as (

    select size_class, adoption_day, count(*) as models_count
    from relative_adoption
    where baseline = 'tenth' and baseline_downloads is not null and downloads_all_time >= baseline_downloads
    group by size_class, adoption_day
    having count(*) < 10

)

select * from final
