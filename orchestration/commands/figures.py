"""Numbers of the latest local release that a person can check by hand, each with the snapshot that it is of.

Belongs here: short SQL over the published tables, and how the answers are shown. Not here: how anything is counted,
which is written down in docs/definitions.md and done in dbt.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from orchestration.commands.query import connect, latest_release, plain_console
from orchestration.ground.files import scratch_folder
from orchestration.release.datapackage import DataPackage
from orchestration.site.report import cell_text

DEFINITIONS = (
    "direct_external",
    "direct",
    "edges",
    "transitive",
    "transitive_external",
    "fractional",
    "declared",
    "tagged",
)
FAMILIES = ("Qwen", "Llama", "DeepSeek", "Gemma", "Mistral")

# All published tables that anything here asks; dbt lists them under the exposure `figures`.
TABLES_READ = (
    "dim_repos",
    "fct_derivative_counts",
    "fct_lineage_edges",
    "fct_organization_papers_monthly",
    "fct_organization_snapshots",
    "fct_renames",
    "fct_tombstones",
    "rpt_claims",
)

_COMPANIES = """
    select subject as company, {values}
    from fct_derivative_counts
    where snapshot_date = $day and subject_type = 'company' and relation = 'all'
    group by subject order by direct_external desc, subject limit 10
"""
_FAMILIES = """
    select subject as family, {values}
    from fct_derivative_counts
    where snapshot_date = $day and subject_type = 'family' and relation = 'all' and subject in {families}
    group by subject order by direct_external desc, subject
"""
_EDGES = """
    select status, is_counted as counted, count(*) as edges, count(distinct child_key) as children
    from fct_lineage_edges where snapshot_date = $day
    group by status, is_counted order by edges desc, status
"""
# An organization's handles together; of equals the name decides, so that the answer is the same every time.
_PAPERS = """
    with months as (
        select month, organization, sum(upvotes) as votes,
            min(is_month_complete) as is_whole, max(unlinked_papers_share) as unlinked
        from fct_organization_papers_monthly where snapshot_date = $day
        group by month, organization
    ),
    ranked as (
        select *, row_number() over (partition by month order by votes desc nulls last, organization) as place
        from months
    )
    select strftime(month, '%Y-%m') as month, min(is_whole) as whole_month,
        max(concat_ws(' ', organization, votes)) filter (where place = 1) as first,
        max(concat_ws(' ', organization, votes)) filter (where place = 2) as second,
        max(concat_ws(' ', organization, votes)) filter (where place = 3) as third,
        max(unlinked) as without_organization
    from ranked group by ranked.month order by ranked.month desc limit 12
"""
_MOST_LIKED = """
    select repo_id as model, likes, cast(created_at as date) as created, strftime(observed_at, '%Y-%m-%d %H:%M') as seen
    from dim_repos where snapshot_date = $day and repo_type = 'model'
    order by likes desc nulls last, repo_id, repo_key limit 1
"""
_CHANGES = """
    select what, repo_type as kind, count(*) filter (where snapshot_date = $day) as this_snapshot, count(*) as so_far
    from ({rows}) group by what, repo_type order by what, repo_type
"""
_BEFORE = "select cast(max(snapshot_date) as varchar) from fct_organization_snapshots where snapshot_date < $day"
_CLAIMS = """
    select claim_id as claim, statement, concat_ws(' ', comparator, claimed_value, unit) as claimed,
        coalesce(measured_text, printf('%.10g', round(measured_value, 4))) as measured,
        measured_snapshot_date as measured_at, verdict, reason
    from rpt_claims where snapshot_date = $day order by verdict, claim_id
"""
_VERDICTS = """
    select verdict, count(*) as claims from rpt_claims where snapshot_date = $day group by verdict order by verdict
"""


@dataclass(frozen=True)
class Figure:
    """One table to show: its title, what has to be known to read it, its columns and rows."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def figures(folder: Path, package: DataPackage, scratch: Path | None = None) -> list[Figure]:
    """All figures of a release; one whose table has no rows in it has none either."""
    connection = connect(folder, package, scratch=scratch)
    held = {resource.name for resource in package.resources}
    day = package.snapshot_date

    def ask(title: str, note: str, table: str, sql: str) -> Figure:
        if table not in held:
            return Figure(title, f"{table} has no rows in this release.", (), ())
        return _figure(connection, f"{title}, snapshot {day}", note, sql, day=day)

    values = ", ".join(f"max(value) filter (where definition = '{name}') as {name}" for name in DEFINITIONS)
    families = "('" + "', '".join(FAMILIES) + "')"
    gone = [("renamed", "fct_renames"), ("disappeared", "fct_tombstones")]
    rows = " union all ".join(
        f"select '{what}' as what, repo_type, snapshot_date from {table}" for what, table in gone if table in held
    )
    return [
        ask(
            "Companies with most derivatives",
            "All relations; ordered by direct_external: distinct models of other organizations with a parent among "
            "theirs. `tagged` is for families only.",
            "fct_derivative_counts",
            _COMPANIES.format(values=values),
        ),
        ask(
            "Model families under every definition",
            "All relations. On a sample only `declared` and `tagged` do not depend on which parents are in it.",
            "fct_derivative_counts",
            _FAMILIES.format(values=values, families=families),
        ),
        ask(
            "Named parents by what became of them",
            "An edge is a child, a parent and a relation. One that does not count names no relation, no model of this "
            "snapshot, or itself.",
            "fct_lineage_edges",
            _EDGES,
        ),
        ask(
            "Most upvoted organizations by month",
            "Upvotes of papers first listed in the month, by linked organization; without_organization is the share of "
            "the month's papers that name none; where whole_month is no, daily pages of the month are missing.",
            "fct_organization_papers_monthly",
            _PAPERS,
        ),
        ask("Most liked model", "Of equals the one with the least id.", "dim_repos", _MOST_LIKED),
        _changes(connection, package, rows),
        ask("Verdicts on public claims", "", "rpt_claims", _VERDICTS),
        ask(
            "Public claims",
            "outside_snapshot is no verdict on a claim: the snapshots do not cover it, for the reason beside it.",
            "rpt_claims",
            _CLAIMS,
        ),
    ]


def _changes(connection: duckdb.DuckDBPyConnection, package: DataPackage, rows: str) -> Figure:
    title = f"Renamed and disappeared repositories, snapshot {package.snapshot_date}"
    before = connection.execute(_BEFORE, {"day": package.snapshot_date}).fetchall()[0][0]
    if not rows:
        why = (
            f"nothing changed since the release of {before}" if before else "there is no release before to compare with"
        )
        return Figure(title, f"None: {why}.", (), ())
    note = f"Against the release of {before}, and over all snapshots so far."
    return _figure(connection, title, note, _CHANGES.format(rows=rows), day=package.snapshot_date)


def _figure(connection: duckdb.DuckDBPyConnection, title: str, note: str, sql: str, **parameters: object) -> Figure:
    result = connection.execute(sql, parameters)
    columns = tuple(column[0] for column in result.description or [])
    return Figure(title, note, columns, tuple(result.fetchall()))


def print_figures(data_dir: Path) -> None:
    """Prints all figures of the latest local release, as wide as they need where they go to a file.

    Raises:
        HubscapeError: there is no release.
    """
    folder, package = latest_release(data_dir)
    console = plain_console()
    if package.synthetic:
        console.print(f"SYNTHETIC: a sandbox made up the numbers of {', '.join(package.synthetic)}.")
    sampled = [s.table for s in package.sources if s.source_label == "recorded" and not s.synthetic]
    if sampled:
        console.print(f"SAMPLE: recorded rows, not the whole Hub, of {', '.join(sampled)}.")
    with scratch_folder(data_dir, "figures-") as scratch:
        found = figures(folder, package, scratch)
    for figure in found:
        console.print()
        console.print(figure.title)
        if figure.note:
            console.print(figure.note)
        if figure.columns:
            _print_rows(console, figure)
    console.print(f"\n{folder}; definitions in docs/definitions.md, columns in docs/data_dictionary.md")


def _print_rows(console: Console, figure: Figure) -> None:
    table = Table()
    for number, column in enumerate(figure.columns):
        is_number = any(type(row[number]) in (int, float) for row in figure.rows)
        table.add_column(column, justify="right" if is_number else "left", overflow="fold")
    for row in figure.rows:
        table.add_row(*map(cell_text, row))
    console.print(table)
