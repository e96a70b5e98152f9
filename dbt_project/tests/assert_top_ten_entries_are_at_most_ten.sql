with top_ten_entries as (

    select * from {{ ref('fct_top_ten_entries') }}

),

final as (

    select snapshot_date, ranking, count(*) as entries_count
    from top_ten_entries
    group by snapshot_date, ranking
    having
        count(*) > 10
        or count(*) <> count(distinct subject_rank)
        or count(case when is_new_first and subject_rank <> 1 then 1 end) > 0
        or count(case when not is_new_entry and not is_new_first then 1 end) > 0

)

select * from final
