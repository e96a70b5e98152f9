-- direct_external <= direct <= transitive, direct <= declared, edges >= direct, fractional <= direct.
with derivative_counts as (

    select * from {{ ref('fct_derivative_counts') }}

),

side_by_side as (

    select
        snapshot_date,
        subject_type,
        subject,
        relation,
        max(case when definition = 'edges' then value end) as edges,
        max(case when definition = 'direct' then value end) as direct,
        max(case when definition = 'direct_external' then value end) as direct_external,
        max(case when definition = 'transitive' then value end) as transitive,
        max(case when definition = 'transitive_external' then value end) as transitive_external,
        max(case when definition = 'fractional' then value end) as fractional,
        max(case when definition = 'declared' then value end) as declared
    from derivative_counts
    group by snapshot_date, subject_type, subject, relation

),

final as (

    select * from side_by_side
    where
        not (
            direct_external <= direct
            and direct <= transitive
            and direct <= declared
            and direct <= edges
            and fractional <= edges + 0.000001
            and direct_external <= transitive_external
            and transitive_external <= transitive
        )

)

select * from final
