{%- set columns = [
    'snapshot_date', 'country_rule', 'country', 'young_models_count', 'young_downloads_30d', 'young_downloads_share',
    'young_downloads_rank', 'unattributed_share', 'is_synthetic',
] -%}
with snapshots as (

    select * from {{ ref('stg_hub__snapshots') }}

),

models as {{ read_anew() }} (

    select * from {{ ref('int_models') }}

),

lineage_roots as (

    select * from {{ ref('int_lineage_roots') }}

),

history as (

    select * from {{ ref('stg_release__country_snapshots') }}

),

snapshot as (

    select
        max(snapshot_date) as snapshot_date,
        bool_or(is_synthetic) as is_synthetic,
        bool_or(is_sample) as is_sample
    from snapshots
    where table_name = 'models'

),

young_models as (

    select models.model_id, models.country, models.headquarters_country, models.downloads_30d
    from models
    cross join snapshot
    where
        not models.is_legacy_import
        and {{ days_between(utc_day('models.created_at'), 'snapshot.snapshot_date') }} < 365

),

-- Sums of whole numbers by share: adding up the fractions themselves would depend on the order.
parts as (

    select
        'headquarters' as country_rule,
        headquarters_country as country,
        cast(1 as double) as share,
        count(*) as models_count,
        sum(downloads_30d) as downloads_30d
    from young_models
    group by headquarters_country
    union all
    select
        'international' as country_rule,
        country,
        cast(1 as double) as share,
        count(*) as models_count,
        sum(downloads_30d) as downloads_30d
    from young_models
    group by country
    union all
    select
        'base_model' as country_rule,
        root_models.headquarters_country as country,
        coalesce(lineage_roots.share, 1) as share,
        count(*) as models_count,
        sum(young_models.downloads_30d) as downloads_30d
    from young_models
    left join lineage_roots on young_models.model_id = lineage_roots.descendant_id
    left join models as root_models on lineage_roots.root_id = root_models.model_id
    group by root_models.headquarters_country, coalesce(lineage_roots.share, 1)

),

rules as (

    {% for rule in country_rules() -%}
    select '{{ rule }}' as country_rule
    {%- if not loop.last %} union all{% endif %}
    {% endfor %}

),

-- Every rule tells its unattributed part: zero where no young model is without a country.
every_part as (

    select country_rule, country, share, models_count, downloads_30d from parts
    union all
    select rules.country_rule, null as country, 0 as share, 0 as models_count, 0 as downloads_30d
    from rules
    -- Not as a left join that asks for null on its right side: DuckDB 2.0 loses rows of that.
    where
        rules.country_rule not in (
            select parts.country_rule from parts
            where parts.country is null
        )

),

countries as (

    select
        country_rule,
        coalesce(country, 'unattributed') as country,
        cast(sum(cast(models_count * share as decimal(38, 9))) as double) as young_models_count,
        sum(cast(downloads_30d * share as decimal(38, 9))) as young_downloads_30d
    from every_part
    group by country_rule, coalesce(country, 'unattributed')

),

shares as (

    select
        *,
        sum(young_downloads_30d) over (partition by country_rule) as all_downloads_30d,
        sum(case when country = 'unattributed' then young_downloads_30d end) over (partition by country_rule)
            as unattributed_downloads_30d,
        case when country <> 'unattributed' then young_downloads_30d end as ranked_downloads_30d
    from countries

),

current_rows as (

    select
        snapshot.snapshot_date,
        shares.country_rule,
        shares.country,
        shares.young_models_count,
        cast(shares.young_downloads_30d as double) as young_downloads_30d,
        case when not snapshot.is_sample then cast(shares.young_downloads_30d as double) end
        / nullif(cast(shares.all_downloads_30d as double), 0) as young_downloads_share,
        {{ rank_where_known('shares.ranked_downloads_30d', within='shares.country_rule') }} as young_downloads_rank,
        case when not snapshot.is_sample then cast(shares.unattributed_downloads_30d as double) end
        / nullif(cast(shares.all_downloads_30d as double), 0) as unattributed_share,
        snapshot.is_synthetic
    from shares
    cross join snapshot

),

final as (

    select {{ columns | join(', ') }} from current_rows
    union all
    select {{ columns | join(', ') }} from history

)

select * from final
