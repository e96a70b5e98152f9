with registry as (

    select * from {{ ref('int_registry') }}

),

models as (

    select * from {{ ref('stg_hub__models') }}

),

datasets as (

    select * from {{ ref('stg_hub__datasets') }}

),

spaces as (

    select * from {{ ref('stg_hub__spaces') }}

),

overviews as (

    select * from {{ ref('stg_hub__organizations') }}

),

papers as (

    select * from {{ ref('stg_hub__daily_papers') }}

),

spellings as (

    select handle, 1 as preference from registry
    union all
    select distinct handle, 2 as preference from models
    union all
    select distinct handle, 3 as preference from datasets
    union all
    select distinct handle, 4 as preference from spaces
    union all
    select handle, 5 as preference from overviews
    union all
    select distinct inner_handle as handle, 6 as preference from papers
    union all
    select distinct outer_handle as handle, 7 as preference from papers

),

ranked as (

    select
        handle,
        lower(handle) as handle_key,
        row_number() over (partition by lower(handle) order by preference, handle) as turn
    from spellings
    where handle is not null

),

final as (

    select
        ranked.handle_key,
        ranked.handle,
        registry.handle is not null as is_in_registry,
        coalesce(registry.organization, ranked.handle) as organization,
        -- A number that stands for the organization in this build, by which millions of models are compared.
        dense_rank() over (order by coalesce(registry.organization, ranked.handle)) as organization_id,
        registry.company,
        registry.country,
        registry.headquarters_country,
        registry.category
    from ranked
    left join registry on ranked.handle_key = registry.handle_key
    where ranked.turn = 1

)

select * from final
