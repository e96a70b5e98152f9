with registry as (

    select * from {{ ref('registry_organizations') }}

),

neighbours as (

    select
        handle,
        valid_from,
        valid_to,
        successor_handle,
        lead(handle) over (partition by lower(handle) order by valid_from nulls first, valid_to nulls last)
            as next_handle,
        lead(valid_from) over (partition by lower(handle) order by valid_from nulls first, valid_to nulls last)
            as next_valid_from,
        row_number() over (partition by lower(handle) order by valid_from nulls first, valid_to nulls last) as place
    from registry

),

judged as (

    select
        handle,
        valid_from,
        valid_to,
        case
            when valid_to <= valid_from then 'ends before it begins'
            when place = 1 and valid_from is not null then 'has nobody before its first day: leave valid_from empty'
            when next_handle is not null and (valid_to is null or next_valid_from is null or valid_to > next_valid_from)
                then 'overlaps with the next row of the handle'
            when next_handle is not null and valid_to < next_valid_from
                then 'leaves a gap before the next row of the handle'
            when next_handle is null and valid_to is not null and successor_handle is null
                then 'ends without a successor'
        end as problem
    from neighbours

),

final as (

    select * from judged
    where problem is not null

)

select * from final
