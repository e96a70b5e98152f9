with models as {{ read_anew() }} (

    select * from {{ ref('stg_hub__models') }}

),

edges as (

    select * from {{ ref('int_lineage_edges') }}

),

closure as (

    select * from {{ ref('int_lineage_closure') }}

),

declared as (

    select
        child_id,
        bool_or(relation = 'quantized') as is_quantized,
        bool_or(relation = 'adapter') as is_adapter
    from edges
    where relation in ('quantized', 'adapter')
    group by child_id

),

kinds as (

    select
        models.row_id as model_id,
        models.safetensors_parameters_count,
        models.gguf_parameters_count,
        models.has_packed_weights,
        coalesce(declared.is_quantized, false) as is_quantized,
        coalesce(declared.is_adapter, false) or coalesce(models.library_name = 'peft', false) as is_adapter
    from models
    left join declared on models.row_id = declared.child_id

),

own_sizes as (

    select
        model_id,
        coalesce(safetensors_parameters_count, gguf_parameters_count) as stored_parameters_count,
        is_adapter or is_quantized or coalesce(has_packed_weights, false) as is_as_large_as_its_base,
        -- An adapter counts its patch alone. Words that hold several weights are counted as one each, but not by GGUF.
        case
            when not is_adapter and not coalesce(has_packed_weights, is_quantized) then safetensors_parameters_count
        end as safetensors_parameters_count,
        case when not is_adapter then gguf_parameters_count end as gguf_parameters_count
    from kinds

),

known_sizes as (

    select model_id, coalesce(safetensors_parameters_count, gguf_parameters_count) as parameters_count
    from own_sizes
    where coalesce(safetensors_parameters_count, gguf_parameters_count) is not null

),

bases as (

    select
        closure.descendant_id as model_id,
        known_sizes.parameters_count,
        row_number() over (
            partition by closure.descendant_id
            order by closure.min_depth asc, known_sizes.parameters_count desc
        ) as turn
    from closure
    inner join own_sizes on closure.descendant_id = own_sizes.model_id and own_sizes.is_as_large_as_its_base
    inner join known_sizes on closure.ancestor_id = known_sizes.model_id

),

final as (

    select
        own_sizes.model_id,
        own_sizes.stored_parameters_count,
        coalesce(
            bases.parameters_count, own_sizes.safetensors_parameters_count, own_sizes.gguf_parameters_count
        ) as parameters_count,
        case
            when bases.parameters_count is not null then 'base_model'
            when own_sizes.safetensors_parameters_count is not null then 'safetensors'
            when own_sizes.gguf_parameters_count is not null then 'gguf'
        end as parameters_source
    from own_sizes
    left join bases on own_sizes.model_id = bases.model_id and bases.turn = 1

)

select * from final
