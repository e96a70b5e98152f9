with snapshots as (

    select * from {{ ref('stg_hub__snapshots') }}

),

models as {{ read_anew() }} (

    select * from {{ ref('int_models') }}

),

roots as (

    select * from {{ ref('int_lineage_roots') }}

),

final as (

    select
        snapshots.snapshot_date,
        descendants.repo_key as descendant_key,
        descendants.repo_id as descendant,
        ancestors.repo_key as root_key,
        ancestors.repo_id as root,
        roots.depth,
        roots.share,
        snapshots.is_synthetic
    from roots
    inner join snapshots on snapshots.table_name = 'models'
    inner join models as descendants on roots.descendant_id = descendants.model_id
    inner join models as ancestors on roots.root_id = ancestors.model_id
    where roots.depth > 0

)

select * from final
