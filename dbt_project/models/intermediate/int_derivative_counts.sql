{#- Relations are told by one bit each, so that each pair of subject and model stands once for all of them. -#}
{%- set bits = relation_bits() -%}
with models as (

    select * from {{ ref('int_models') }}

),

edges as (

    select * from {{ ref('int_lineage_edges') }}

),

derivations as (

    select * from {{ ref('int_lineage_derivations') }}

),

model_subjects as (

    select * from {{ ref('int_model_subjects') }}

),

named_subjects as (

    select * from {{ ref('int_named_subjects') }}

),

registry_subjects as (

    select * from {{ ref('int_registry_subjects') }}

),

tagged_models as (

    select * from {{ ref('int_family_tagged_models') }}

),

-- Parents that are named but not in the lists are members of their subjects, too, by numbers below zero.
named_parents as (

    select named_parent_key, -row_number() over (order by named_parent_key) as member_id
    from (select distinct named_parent_key from named_subjects) as named

),

memberships as (

    select subject_type, subject, model_id as member_id from model_subjects
    union all
    select named_subjects.subject_type, named_subjects.subject, named_parents.member_id
    from named_subjects
    inner join named_parents on named_subjects.named_parent_key = named_parents.named_parent_key

),

rosters as (

    select subject_type, subject, {{ sorted_list('member_id') }} as roster
    from memberships
    group by subject_type, subject

),

-- Subjects of the same members have the same counts: mostly a handle and its organization, or these and a model.
subjects as (

    select subject_type, subject, roster, dense_rank() over (order by roster) as roster_id from rosters

),

distinct_rosters as (

    select roster_id, min(roster) as roster from subjects
    group by roster_id

),

members as (

    select roster_id, {{ explode('roster') }} as member_id from distinct_rosters

),

-- Models without a namespace are of one organization, the nameless one.
owners as (

    select model_id, coalesce(organization_id, 0) as organization_id from models

),

roster_parents as (

    select members.roster_id, members.member_id as parent_id, owners.organization_id
    from members
    inner join owners on members.member_id = owners.model_id

),

counted_edges as (

    select
        edges.parent_id,
        edges.child_id,
        owners.organization_id,
        {{ relation_bit('edges.relation') }} as relation_bit,
        -- In decimals, since sums of doubles depend on the order that the engine adds them in.
        cast(cast(1 as double) / count(*) over (partition by edges.child_id) as decimal(18, 16)) as weight
    from edges
    left join owners on edges.child_id = owners.model_id
    where edges.is_counted

),

roster_edges as (

    select
        roster_parents.roster_id,
        counted_edges.child_id,
        counted_edges.relation_bit,
        counted_edges.weight,
        case
            when counted_edges.organization_id <> roster_parents.organization_id then counted_edges.relation_bit
            else 0
        end as external_bit
    from counted_edges
    inner join roster_parents on counted_edges.parent_id = roster_parents.parent_id

),

edge_counts as (

    select
        roster_id,
        {% for relation, bit in bits.items() -%}
        count(case when (relation_bit & {{ bit }}) <> 0 then 1 end) as edges_{{ relation }},
        sum(case when (relation_bit & {{ bit }}) <> 0 then weight end) as fractional_{{ relation }}
        {%- if not loop.last %},{% endif %}
        {% endfor %}
    from roster_edges
    group by roster_id

),

namings as (

    select roster_id, child_id, relation_bit as naming_bit, relation_bit, external_bit from roster_edges
    union all
    select
        members.roster_id,
        edges.child_id,
        {{ relation_bit('edges.relation') }} as naming_bit,
        0 as relation_bit,
        0 as external_bit
    from edges
    inner join named_parents on edges.named_parent_key = named_parents.named_parent_key
    inner join members on named_parents.member_id = members.member_id
    where edges.status = 'unresolved'

),

roster_children as (

    select
        roster_id,
        child_id,
        bit_or(naming_bit) as naming_bits,
        bit_or(relation_bit) as relation_bits,
        bit_or(external_bit) as external_bits
    from namings
    group by roster_id, child_id

),

child_counts as (

    select
        roster_id,
        {% for relation, bit in bits.items() -%}
        count(case when (naming_bits & {{ bit }}) <> 0 then 1 end) as declared_{{ relation }},
        count(case when (relation_bits & {{ bit }}) <> 0 then 1 end) as direct_{{ relation }},
        count(case when (external_bits & {{ bit }}) <> 0 then 1 end) as direct_external_{{ relation }}
        {%- if not loop.last %},{% endif %}
        {% endfor %}
    from roster_children
    group by roster_id

),

derived_models as (

    select
        derivations.ancestor_id,
        derivations.descendant_id,
        owners.organization_id,
        {{ relation_bit('derivations.relation') }} as relation_bit
    from derivations
    left join owners on derivations.descendant_id = owners.model_id

),

roster_descendants as (

    select
        roster_parents.roster_id,
        derived_models.descendant_id,
        bit_or(derived_models.relation_bit) as relation_bits,
        bit_or(
            case
                when derived_models.organization_id <> roster_parents.organization_id then derived_models.relation_bit
                else 0
            end
        ) as external_bits
    from derived_models
    inner join roster_parents on derived_models.ancestor_id = roster_parents.parent_id
    group by roster_parents.roster_id, derived_models.descendant_id

),

descendant_counts as (

    select
        roster_id,
        {% for relation, bit in bits.items() -%}
        count(case when (relation_bits & {{ bit }}) <> 0 then 1 end) as transitive_{{ relation }},
        count(case when (external_bits & {{ bit }}) <> 0 then 1 end) as transitive_external_{{ relation }}
        {%- if not loop.last %},{% endif %}
        {% endfor %}
    from roster_descendants
    group by roster_id

),

tagged_counts as (

    select family, count(*) as tagged from tagged_models
    group by family

),

side_by_side as (

    select
        coalesce(subjects.subject_type, registry_subjects.subject_type) as subject_type,
        coalesce(subjects.subject, registry_subjects.subject) as subject,
        registry_subjects.subject is not null as is_in_registry,
        edge_counts.*,
        child_counts.*,
        descendant_counts.*
    from subjects
    full join registry_subjects
        on subjects.subject_type = registry_subjects.subject_type and subjects.subject = registry_subjects.subject
    left join edge_counts on subjects.roster_id = edge_counts.roster_id
    left join child_counts on subjects.roster_id = child_counts.roster_id
    left join descendant_counts on subjects.roster_id = descendant_counts.roster_id

),

counted as (

    {% for relation in bits -%}
    select
        subject_type,
        subject,
        '{{ relation }}' as relation,
        {% for definition in derivative_definitions() if definition != 'tagged' -%}
        {{ definition }}_{{ relation }} as {{ definition }},
        {% endfor -%}
        is_in_registry
    from side_by_side
    where declared_{{ relation }} > 0 or transitive_{{ relation }} > 0 or is_in_registry
    {%- if not loop.last %}
    union all
    {% endif -%}
    {% endfor %}

),

final as (

    select
        counted.subject_type,
        counted.subject,
        counted.relation,
        {% for definition in derivative_definitions() if definition != 'tagged' -%}
        round(cast(coalesce(counted.{{ definition }}, 0) as double), 9) as {{ definition }},
        {% endfor -%}
        case
            when counted.subject_type = 'family' and counted.relation = 'all'
                then cast(coalesce(tagged_counts.tagged, 0) as double)
        end as tagged,
        counted.is_in_registry
    from counted
    left join tagged_counts on counted.subject = tagged_counts.family

)

select * from final
