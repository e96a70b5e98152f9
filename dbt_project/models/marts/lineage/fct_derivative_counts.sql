with snapshots as (

    select * from {{ ref('stg_hub__snapshots') }}

),

models as (

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

history as (

    select * from {{ ref('stg_release__derivative_counts') }}

),

weighted_edges as (

    select
        parent_id,
        child_id,
        relation,
        cast(1 as double) / count(*) over (partition by child_id) as weight
    from edges
    where is_counted

),

subject_edges as (

    select
        model_subjects.subject_type,
        model_subjects.subject,
        weighted_edges.relation,
        weighted_edges.child_id,
        weighted_edges.weight,
        -- Two models without a namespace are not of different organizations.
        case
            when coalesce(children.organization, '') <> coalesce(parents.organization, '') then children.model_id
        end as external_child_id
    from weighted_edges
    inner join model_subjects on weighted_edges.parent_id = model_subjects.model_id
    inner join models as parents on weighted_edges.parent_id = parents.model_id
    inner join models as children on weighted_edges.child_id = children.model_id

),

direct_counts as (

    select
        subject_type,
        subject,
        coalesce(relation, 'all') as relation,
        count(*) as edges,
        count(distinct child_id) as direct,
        count(distinct external_child_id) as direct_external,
        -- Rounded, because sums of fractions depend on the order that the engine adds them in.
        round(sum(weight), 9) as fractional
    from subject_edges
    group by grouping sets ((subject_type, subject, relation), (subject_type, subject))

),

subject_descendants as (

    select
        model_subjects.subject_type,
        model_subjects.subject,
        derivations.relation,
        derivations.descendant_id,
        max(
            case when coalesce(descendants.organization, '') <> coalesce(ancestors.organization, '') then 1 else 0 end
        ) as is_external
    from derivations
    inner join model_subjects on derivations.ancestor_id = model_subjects.model_id
    inner join models as ancestors on derivations.ancestor_id = ancestors.model_id
    inner join models as descendants on derivations.descendant_id = descendants.model_id
    group by model_subjects.subject_type, model_subjects.subject, derivations.relation, derivations.descendant_id

),

transitive_counts as (

    select
        subject_type,
        subject,
        coalesce(relation, 'all') as relation,
        count(distinct descendant_id) as transitive,
        count(distinct case when is_external = 1 then descendant_id end) as transitive_external
    from subject_descendants
    group by grouping sets ((subject_type, subject, relation), (subject_type, subject))

),

subject_namings as (

    select subject_type, subject, relation, child_id from subject_edges
    union all
    select
        named_subjects.subject_type,
        named_subjects.subject,
        coalesce(edges.relation, 'untyped') as relation,
        edges.child_id
    from edges
    inner join named_subjects on edges.named_parent_key = named_subjects.named_parent_key
    where edges.status = 'unresolved'

),

declared_counts as (

    select
        subject_type,
        subject,
        coalesce(relation, 'all') as relation,
        count(distinct child_id) as declared
    from subject_namings
    group by grouping sets ((subject_type, subject, relation), (subject_type, subject))
    having coalesce(relation, 'all') <> 'untyped'

),

tagged_counts as (

    select 'family' as subject_type, family as subject, 'all' as relation, count(*) as tagged
    from tagged_models
    group by family

),

relations as (

    {% for relation in ['all'] + relations() -%}
    select '{{ relation }}' as relation
    {%- if not loop.last %} union all{% endif %}
    {% endfor %}

),

definitions as (

    {% for definition in derivative_definitions() -%}
    select '{{ definition }}' as definition
    {%- if not loop.last %} union all{% endif %}
    {% endfor %}

),

measured as (

    select registry_subjects.subject_type, registry_subjects.subject, relations.relation
    from registry_subjects
    cross join relations
    union
    select subject_type, subject, relation from transitive_counts
    union
    select subject_type, subject, relation from declared_counts

),

counted as (

    select
        measured.subject_type,
        measured.subject,
        measured.relation,
        direct_counts.edges,
        direct_counts.direct,
        direct_counts.direct_external,
        transitive_counts.transitive,
        transitive_counts.transitive_external,
        direct_counts.fractional,
        declared_counts.declared,
        tagged_counts.tagged
    from measured
    left join direct_counts
        on
            measured.subject_type = direct_counts.subject_type
            and measured.subject = direct_counts.subject
            and measured.relation = direct_counts.relation
    left join transitive_counts
        on
            measured.subject_type = transitive_counts.subject_type
            and measured.subject = transitive_counts.subject
            and measured.relation = transitive_counts.relation
    left join declared_counts
        on
            measured.subject_type = declared_counts.subject_type
            and measured.subject = declared_counts.subject
            and measured.relation = declared_counts.relation
    left join tagged_counts
        on
            measured.subject_type = tagged_counts.subject_type
            and measured.subject = tagged_counts.subject
            and measured.relation = tagged_counts.relation

),

current_rows as (

    select
        snapshots.snapshot_date,
        counted.subject_type,
        counted.subject,
        counted.relation,
        definitions.definition,
        cast(
            case definitions.definition
                {%- for definition in derivative_definitions() %}
                when '{{ definition }}' then coalesce(counted.{{ definition }}, 0)
                {%- endfor %}
            end as double
        ) as value,
        registry_subjects.subject is not null as is_in_registry,
        snapshots.is_synthetic
    from counted
    cross join definitions
    inner join snapshots on snapshots.table_name = 'models'
    left join registry_subjects
        on counted.subject_type = registry_subjects.subject_type and counted.subject = registry_subjects.subject
    where definitions.definition <> 'tagged' or (counted.subject_type = 'family' and counted.relation = 'all')

),

final as (

    select
        snapshot_date,
        subject_type,
        subject,
        relation,
        definition,
        value,
        is_in_registry,
        is_synthetic
    from current_rows
    union all
    select
        snapshot_date,
        subject_type,
        subject,
        relation,
        definition,
        value,
        is_in_registry,
        is_synthetic
    from history
    -- A release of an earlier day has all of its subjects; only those of the registry go on.
    where is_in_registry

)

select * from final
