"""Stand-ins for the project's macros, so that sqlfluff can render the models without dbt.

Each returns SQL of the same shape as its macro does on DuckDB. Nothing here is used by dbt itself.
"""


def snapshot_date() -> str:
    """A date literal."""
    return "cast('2026-01-01' as date)"


def of_snapshot(source: str) -> str:
    """A relation."""
    return source


def raw_row_id() -> str:
    """An integer expression."""
    return "file_row_number"


def matches(text: str, pattern: str) -> str:
    """A condition."""
    return f"regexp_matches({text}, {pattern})"


def has_prefix(text: str, prefix: str) -> str:
    """A condition."""
    return f"starts_with({text}, {prefix})"


def explode(items: str) -> str:
    """A row-making expression."""
    return f"unnest({items})"


def utc_day(time: str) -> str:
    """A date expression."""
    return f"cast({time} as date)"


def read_anew() -> str:
    """A mark of a CTE."""
    return "not materialized"


def read_once() -> str:
    """A mark of a CTE."""
    return "materialized"


def sorted_list(items: str) -> str:
    """A list expression."""
    return f"list_sort(array_agg({items}))"


def least_with_prefix(texts: str, prefix: str) -> str:
    """A text expression."""
    return f"list_min({texts})"


greatest_with_prefix = least_with_prefix


def list_length(items: str) -> str:
    """An integer expression."""
    return f"len({items})"


def one_line(text: str) -> str:
    """A text expression."""
    return f"trim({text})"


def utc_timestamp(text: str) -> str:
    """A timestamp literal."""
    return f"cast('{text}' as timestamptz)"


def handle_pattern() -> str:
    """A text literal."""
    return "'pattern'"


repo_id_pattern = listed_id_pattern = paper_id_pattern = handle_pattern


def row_rules(table_name: str) -> list[tuple[str, str]]:
    """Pairs of rule and condition."""
    return [("first_rule", "true"), ("second_rule", "true")]


def broken_row_rule(table_name: str) -> str:
    """A text expression."""
    return "cast(null as varchar)"


def repeated_keys(relation: str, key: str, latest_first: str) -> str:
    """A query."""
    return f"select row_id, 1 as turn from {relation}"


def quarantine_rule(turn: str) -> str:
    """A text expression."""
    return f"case when {turn} > 1 then 'duplicate_key' end"


quarantine_reason = quarantine_rule


def quarantine_key(text: str, pattern: str) -> str:
    """A text expression."""
    return f"coalesce({text}, {pattern})"


def hashed(text: str) -> str:
    """A text expression."""
    return f"concat('sha256:', {text})"


def relations() -> list[str]:
    """Names of relations."""
    return ["finetune", "merge"]


def relation_bits() -> dict[str, int]:
    """A bit for each relation."""
    return {"all": 3, "finetune": 1}


def relation_bit(relation: str) -> str:
    """An integer expression."""
    return f"case {relation} when 'finetune' then 1 else 2 end"


def derivative_definitions() -> list[str]:
    """Names of definitions, each a column of the counts."""
    return ["edges", "direct"]


def lineage_closure(parents: str) -> str:
    """A query."""
    return f"select parent_id as ancestor_id, child_id as descendant_id, 1 as min_depth from {parents}"


def subjects_of(relation: str, key: str) -> str:
    """A query that reads `relation` and `families`."""
    return f"select {relation}.{key}, families.family as subject from {relation} cross join families"


def family_matches(relation: str, key: str, text: str) -> str:
    """A query that reads `relation` and `families`."""
    return f"select families.family, {relation}.{key} from {relation} cross join families"


def rank_where_known(number: str, within: str = "") -> str:
    """An integer expression."""
    return f"dense_rank() over (order by {number} desc)"


def released_rows(model_name: str) -> str:
    """A query."""
    return f"select snapshot_date from {model_name}"


def days_between(earlier: str, later: str) -> str:
    """An integer expression."""
    return f"date_diff('day', {earlier}, {later})"


def change_windows() -> list[int]:
    """Days of the windows."""
    return [1, 7]


def changes_over_time() -> list[dict[str, object]]:
    """Columns that tell a change."""
    return [
        {"name": f"likes_change_{days}d", "days": days, "difference": "ranked.likes - history.likes"} for days in (1, 7)
    ]


def split_text(text: str, separator: str) -> str:
    """A list expression."""
    return f"string_split({text}, {separator})"


def joined(text: str) -> str:
    """A text expression."""
    return f"string_agg(distinct {text}, ', ')"


def claim_subjects(relation: str) -> str:
    """A query."""
    return f"select claim_id, 'numerator' as side, subject as subject_type, subject from {relation}"


def window_days() -> list[int]:
    """Days of the windows."""
    return [30, 90]


def handle_flows() -> list[str]:
    """Names of metrics."""
    return ["handle_new_models", "handle_new_papers"]


def gains() -> list[tuple[str, str]]:
    """Pairs of metric and column."""
    return [("followers_gained", "followers_count"), ("likes_gained", "likes")]


def days_after(day: str, days: str) -> str:
    """A date expression."""
    return f"({day} + cast({days} as integer))"


def derivative_thresholds() -> list[int]:
    """Numbers of derivatives."""
    return [100, 1000]


def rows_of_release_before(model_name: str) -> str:
    """A query."""
    return f"select snapshot_date from {model_name}"


def size_class(parameters: str) -> str:
    """A text expression."""
    return f"case when {parameters} >= 0 then 'under_1b' else 'unknown' end"


def adoption_day(age_days: str) -> str:
    """An integer expression."""
    return f"case when {age_days} >= 7 then 7 end"


def concentration_shares() -> list[tuple[str, int, int]]:
    """Column, parts and whole."""
    return [("top_1_5_percent_share", 15, 1000), ("top_10_percent_share", 1, 10)]


def country_rules() -> list[str]:
    """Names of rules."""
    return ["headquarters", "base_model"]
