"""Suite of the release: what only the Parquet files of one published table can tell, read from them.

Hashes, schemas and unlisted files are the audit's; keys, domains and missing values were judged in the mart.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TypedDict

from expectations.rules import Rule, no_rows, row_count_at_least, row_count_equal, table_holds
from orchestration.ground.engine import sql_name

# Tables of events: on a day on which nothing happened they have no row of that day.
EVENT_TABLES = frozenset({"fct_model_adoption", "fct_renames", "fct_tombstones", "fct_top_ten_entries"})


class ReleasedTable(TypedDict):
    """What the manifest of a release says of one table."""

    key: Sequence[str]
    rows: int


def released_table(table: str, released: ReleasedTable, columns: Mapping[str, str], snapshot_date: date) -> list[Rule]:
    """The rules of one table of the release. `columns`: DuckDB type by column name, as the files have them."""
    key = [sql_name(column) for column in released["key"]]
    texts = [sql_name(name) for name, kind in columns.items() if "VARCHAR" in kind]
    rules = [row_count_at_least(1), row_count_equal(released["rows"])]
    if texts:
        # A list or struct is cast as a whole: the characters inside stay what they are.
        dirty = " or ".join(rf"regexp_matches(cast({text} as varchar), '[\x00-\x1f\x7f]')" for text in texts)
        rules.append(no_rows("no_control_characters", dirty, key, "no control character in any text"))
    if table.startswith("fct_") and "snapshot_date" in columns:
        latest = "cast(max(snapshot_date) as date)"
        name, comparison, wanted = ("latest_snapshot_date_equal", "=", "")
        if table in EVENT_TABLES:
            name, comparison, wanted = ("latest_snapshot_date_at_most", "<=", "at most ")
        rules.append(
            table_holds(
                name,
                f"{latest} {comparison} date '{snapshot_date:%Y-%m-%d}'",
                f"coalesce(cast({latest} as varchar), 'none')",
                column="snapshot_date",
                threshold=f"{wanted}{snapshot_date:%Y-%m-%d}",
            )
        )
    return rules
