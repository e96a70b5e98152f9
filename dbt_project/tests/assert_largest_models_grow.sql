with milestones as (

    select * from {{ ref('fct_milestones') }}

),

largest as (

    select
        milestone_id,
        value,
        lag(value) over (order by repo_created_at, repo_id) as value_before
    from milestones
    where rule = 'largest_open_model'

),

final as (

    select * from largest
    where value * 100 <= value_before * 101

)

select * from final
