{%- set columns = [
    'snapshot_date', 'repo_type', 'metric', 'repos_count', 'downloads_sum',
] + (concentration_shares() | map(attribute=0) | list) + ['gini', 'is_synthetic'] -%}
with repos as (

    select * from {{ ref('dim_repos') }}

),

history as (

    select * from {{ ref('stg_release__download_concentration') }}

),

-- Repos of one count are interchangeable, and counts are few: what follows works on counts instead of repos.
counts as (

    {% for metric in ['downloads_30d', 'downloads_all_time'] -%}
    select
        snapshot_date,
        repo_type,
        '{{ metric }}' as metric,
        {{ metric }} as downloads,
        count(*) as repos_count,
        bool_or(is_synthetic) as is_synthetic,
        bool_or(is_sample) as is_sample
    from repos
    where repo_type in ('model', 'dataset') and {{ metric }} is not null
    group by snapshot_date, repo_type, {{ metric }}
    {%- if not loop.last %} union all{% endif %}
    {% endfor %}

),

-- Sums of positions times downloads are exact in decimals, where doubles would depend on the order.
placed as (

    select
        snapshot_date,
        repo_type,
        metric,
        cast(downloads as decimal(38, 0)) as downloads,
        repos_count,
        is_synthetic,
        is_sample,
        cast(sum(repos_count) over (partition by repo_type, metric) as bigint) as all_repos_count,
        cast(sum(repos_count) over (partition by repo_type, metric order by downloads asc) as bigint) as up_to_count
    from counts

),

positions as (

    select *, all_repos_count - up_to_count as more_downloaded_count from placed

),

sums as (

    select
        snapshot_date,
        repo_type,
        metric,
        max(all_repos_count) as repos_count,
        sum(downloads * repos_count) as downloads_sum,
        -- Positions a + 1 to a + c, where a = up_to - c, add up to c * (2 * up_to - c + 1) / 2.
        sum(downloads * repos_count * (2 * up_to_count - repos_count + 1)) as doubled_positions_sum,
        {% for name, parts, whole in concentration_shares() -%}
        -- Of these repos, those that are left of the part after all with more downloads.
        sum(
            downloads * greatest(
                0,
                least(
                    repos_count,
                    cast(ceil(all_repos_count * {{ parts }} / {{ whole }}.0) as bigint) - more_downloaded_count
                )
            )
        ) as {{ name }}_sum,
        {% endfor -%}
        bool_or(is_synthetic) as is_synthetic,
        bool_or(is_sample) as is_sample
    from positions
    group by snapshot_date, repo_type, metric

),

-- Of a sample nothing is a share of the whole.
current_rows as (

    select
        snapshot_date,
        repo_type,
        metric,
        cast(repos_count as bigint) as repos_count,
        cast(downloads_sum as bigint) as downloads_sum,
        {% for name, parts, whole in concentration_shares() -%}
        case when not is_sample then cast({{ name }}_sum as double) end / nullif(cast(downloads_sum as double), 0)
            as {{ name }},
        {% endfor -%}
        round(
            case when not is_sample then cast(doubled_positions_sum - (repos_count + 1) * downloads_sum as double) end
            / nullif(cast(repos_count * downloads_sum as double), 0), 9
        ) as gini,
        is_synthetic
    from sums

),

final as (

    select {{ columns | join(', ') }} from current_rows
    union all
    select {{ columns | join(', ') }} from history

)

select * from final
