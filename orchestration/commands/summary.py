"""The table that a run ends with: what was found, how long each part took, where everything lies."""

from itertools import zip_longest

from rich.table import Table

from orchestration.commands.query import plain_console
from orchestration.commands.run import RunReport
from orchestration.release.build import release_dir
from orchestration.release.datapackage import DataPackage, read_datapackage
from orchestration.settings import Settings


def print_summary(settings: Settings, report: RunReport) -> None:
    """Prints the summary of a run that succeeded to standard output."""
    console = plain_console(soft_wrap=True)
    folder = release_dir(settings.data_dir, settings.snapshot_date)
    package = read_datapackage(folder)
    if package.synthetic:
        console.print(f"\nSYNTHETIC: a sandbox made up the numbers of {', '.join(package.synthetic)}.")
    if package.sample:
        console.print(f"\nSAMPLE: not the whole Hub, of {', '.join(package.sample)}.")
    console.print(_tables(package))
    console.print(_time(report))
    failed = sum(check.verdict == "warned" for check in package.checks)
    console.print(f"checks     {len(package.checks)} on record, {failed} warned, none refused")
    console.print(f"release    {folder}")
    also = f", and at Space {settings.report_space}" if settings.report_space else ""
    console.print(f"report     {folder / 'report.html'}{also}")
    if report.publication:
        made = "new commit" if report.publication["changed"] else "unchanged, no commit made"
        console.print(f"published  {report.publication['repo']} at {str(report.publication['commit'])[:7]} ({made})")
        console.print(f"tag        {report.publication['tag']}, read back and equal byte for byte")
    else:
        console.print("published  nothing: HUBSCAPE_PUBLISH_REPO is empty")
    console.print("look       the report in a browser, make ui (Dagster), make query (SQL), make docs (dbt docs)")


def _tables(package: DataPackage) -> Table:
    table = Table(title=f"Snapshot {package.snapshot_date}", title_justify="left")
    table.add_column("raw table")
    table.add_column("rows", justify="right")
    table.add_column("published table", overflow="fold")
    table.add_column("rows ", justify="right")
    table.add_column("bytes", justify="right")
    raw = [(source.table, f"{source.rows:,}") for source in package.sources]
    published = [(r.name, f"{r.rows:,}", f"{r.bytes:,}") for r in package.resources]
    published += [(name, "0", "no file") for name in package.empty_tables]
    for left, right in zip_longest(raw, published):
        table.add_row(*(left or ("", "")), *(right or ()))
    return table


def _time(report: RunReport) -> str:
    parts = {"Hub": 0.0, "dbt": 0.0, "checks": 0.0, "release": 0.0, "publishing": 0.0}
    of_layer = {"raw": "Hub", "dbt": "dbt", "release": "release"}
    for step, seconds in report.seconds_by_step.items():
        is_check = "expectations" in step or "audit" in step
        parts["checks" if is_check else of_layer.get(step.partition("_")[0], "publishing")] += seconds
    split = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in parts.items())
    return f"time       {sum(parts.values()):.1f} s in steps: {split}"
