with report as (

    select * from {{ ref('rpt_data_quality') }}

),

final as (

    select * from report
    where verdict = 'failed'

)

select * from final
