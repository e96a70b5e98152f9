with families as (

    select * from {{ ref('registry_families') }}

),

final as (

    select family, count(distinct concat(name_pattern, ' ', coalesce(except_pattern, ''))) as patterns_count
    from families
    group by family
    having count(distinct concat(name_pattern, ' ', coalesce(except_pattern, ''))) <> 1

)

select * from final
