with counts as (

    select * from {{ ref('fct_derivative_counts') }}

),

final as (

    select
        definition,
        max(value) filter (where subject = 'Qwen') as qwen,
        max(value) filter (where subject = 'Llama') as llama,
        max(value) filter (where subject = 'DeepSeek') as deepseek,
        max(value) filter (where subject = 'Qwen') / nullif(max(value) filter (where subject = 'Llama'), 0)
            as qwen_over_llama
    from counts
    where
        snapshot_date = (select max(latest.snapshot_date) from counts as latest)
        and subject_type = 'family'
        and relation = 'all'
        and subject in ('Qwen', 'Llama', 'DeepSeek')
    group by definition
    order by definition

)

select * from final
