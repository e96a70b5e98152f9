with families as (

    select * from {{ ref('registry_families') }}

),

final as (

    select family, count(distinct name_pattern) as patterns_count from families
    group by family
    having count(distinct name_pattern) <> 1

)

select * from final
