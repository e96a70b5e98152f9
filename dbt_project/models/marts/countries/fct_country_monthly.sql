with models as {{ read_anew() }} (

    select * from {{ ref('int_models') }}

),

registry_periods as (

    select * from {{ ref('int_registry_periods') }}

),

lineage_roots as (

    select * from {{ ref('int_lineage_roots') }}

),

country_snapshots as (

    select * from {{ ref('fct_country_snapshots') }}

),

snapshots as (

    select * from {{ ref('stg_hub__snapshots') }}

),

snapshot as (

    select
        max(snapshot_date) as snapshot_date,
        bool_or(is_synthetic) as is_synthetic,
        bool_or(is_sample) as is_sample
    from snapshots
    where table_name = 'models'

),

handles_of_models as (

    select model_id, lower(handle) as handle_key from models

),

new_models as (

    select
        model_id,
        lower(handle) as handle_key,
        {{ utc_day('created_at') }} as created_date,
        cast(date_trunc('month', {{ utc_day('created_at') }}) as date) as month
    from models
    where not is_legacy_import and created_at is not null

),

by_handle as (

    select
        new_models.month,
        registry_periods.country,
        registry_periods.headquarters_country,
        count(*) as models_count
    from new_models
    left join registry_periods
        on
            new_models.handle_key = registry_periods.handle_key
            and new_models.created_date >= registry_periods.holds_from
            and new_models.created_date < registry_periods.holds_until
    group by new_models.month, registry_periods.country, registry_periods.headquarters_country

),

by_root as (

    select
        new_models.month,
        registry_periods.headquarters_country as country,
        coalesce(lineage_roots.share, 1) as share,
        count(*) as models_count
    from new_models
    left join lineage_roots on new_models.model_id = lineage_roots.descendant_id
    left join handles_of_models as roots on lineage_roots.root_id = roots.model_id
    left join registry_periods
        on
            roots.handle_key = registry_periods.handle_key
            and new_models.created_date >= registry_periods.holds_from
            and new_models.created_date < registry_periods.holds_until
    group by new_models.month, registry_periods.headquarters_country, coalesce(lineage_roots.share, 1)

),

-- Whole numbers by share: adding up the fractions themselves would depend on the order.
parts as (

    select month, 'headquarters' as country_rule, headquarters_country as country, 1 as share, models_count
    from by_handle
    union all
    select month, 'international' as country_rule, country, 1 as share, models_count from by_handle
    union all
    select month, 'base_model' as country_rule, country, share, models_count from by_root

),

every_part as (

    select month, country_rule, country, share, models_count from parts
    union all
    select distinct month, country_rule, null as country, 0 as share, 0 as models_count from parts

),

countries as (

    select
        month,
        country_rule,
        coalesce(country, 'unattributed') as country,
        sum(cast(models_count * share as decimal(38, 9))) as new_models_count
    from every_part
    group by month, country_rule, coalesce(country, 'unattributed')

),

shares as (

    select
        month,
        country_rule,
        country,
        cast(new_models_count as double) as new_models_count,
        cast(sum(new_models_count) over (partition by month, country_rule) as double) as all_models_count,
        cast(
            sum(case when country = 'unattributed' then new_models_count end) over (partition by month, country_rule)
            as double
        ) as unattributed_models_count
    from countries

),

observed_months as (

    select
        cast(date_trunc('month', snapshot_date) as date) as month,
        max(snapshot_date) as observed_snapshot_date
    from country_snapshots
    group by cast(date_trunc('month', snapshot_date) as date)

),

unattributed as (

    select snapshot_date, country_rule, unattributed_share, is_synthetic from country_snapshots
    where country = 'unattributed'

),

final as (

    select
        snapshot.snapshot_date,
        shares.month,
        shares.country_rule,
        shares.country,
        shares.new_models_count,
        case when not snapshot.is_sample then shares.new_models_count / shares.all_models_count end as new_models_share,
        case when not snapshot.is_sample then shares.unattributed_models_count / shares.all_models_count end
            as unattributed_new_models_share,
        observed_months.observed_snapshot_date,
        country_snapshots.young_downloads_30d,
        country_snapshots.young_downloads_share,
        unattributed.unattributed_share as unattributed_downloads_share,
        -- The numbers of the month may be those of an earlier snapshot.
        snapshot.is_synthetic or coalesce(unattributed.is_synthetic, false) as is_synthetic
    from shares
    cross join snapshot
    left join observed_months on shares.month = observed_months.month
    left join country_snapshots
        on
            observed_months.observed_snapshot_date = country_snapshots.snapshot_date
            and shares.country_rule = country_snapshots.country_rule
            and shares.country = country_snapshots.country
    left join unattributed
        on
            observed_months.observed_snapshot_date = unattributed.snapshot_date
            and shares.country_rule = unattributed.country_rule

)

select * from final
