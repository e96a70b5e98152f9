"""Suite of the release: what only the Parquet files of one published table can tell, read from them.

Hashes, schemas and unlisted files are the audit's; keys, domains and missing values were judged in the mart.
"""

from collections.abc import Mapping, Sequence
from datetime import date

from expectations.rules import Rule, no_rows, row_count_at_least, row_count_equal, table_holds
from orchestration.ground.engine import sql_name

# Tables of events: on a day on which nothing happened they have no row of that day.
EVENT_TABLES = frozenset({"fct_model_adoption", "fct_renames", "fct_tombstones", "fct_top_ten_entries"})


def released_table(
    table: str, key: Sequence[str], rows: int, snapshot_date: date, columns: Mapping[str, str]
) -> list[Rule]:
    """The rules of a table with that key and so many rows; `columns`: its types as DuckDB finds them in the files."""
    texts = [sql_name(name) for name, kind in columns.items() if "VARCHAR" in kind]
    rules = [row_count_at_least(1), row_count_equal(rows)]
    if texts:
        # A list or struct is cast as a whole: the characters inside stay what they are.
        dirty = " or ".join(rf"regexp_matches(cast({text} as varchar), '[\x00-\x1f\x7f]')" for text in texts)
        wanted = "no control character in any text"
        rules.append(no_rows("no_control_characters", dirty, [sql_name(column) for column in key], wanted))
    if table.startswith("fct_") and "snapshot_date" in columns:
        latest, day = "cast(max(snapshot_date) as date)", snapshot_date.isoformat()
        name, comparison, wanted = "latest_snapshot_date_equal", "=", day
        if table in EVENT_TABLES:
            name, comparison, wanted = "latest_snapshot_date_at_most", "<=", f"at most {day}"
        observed = f"coalesce(cast({latest} as varchar), 'none')"
        rules.append(table_holds(name, f"{latest} {comparison} date '{day}'", observed, wanted, "snapshot_date"))
    return rules
