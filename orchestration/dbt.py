"""Where the dbt project lies, its manifest, from which Dagster and the release learn the models, and how dbt is run.

dbt runs in this process, as its own documentation describes: a process of its own would import it for seconds and parse
the whole project for each data folder, which the profile names. What a run is of goes to it as `--vars`, so that one
process builds many days.

python -m orchestration.dbt    has dbt write the manifest where it is stale, as a part of an installation
"""

import json
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.ground.errors import HubscapeError
from orchestration.settings import PROJECT_DIR, Settings

if TYPE_CHECKING:
    from dagster_dbt import DbtProject
    from dbt.cli.main import dbtRunnerResult
    from dbt.contracts.graph.manifest import Manifest
    from dbt_common.events.base_types import EventMsg

DBT_DIR = PROJECT_DIR / "dbt_project"
# Beside what people's own dbt leaves in `target`, which may be of other variables.
MANIFEST = DBT_DIR / "target" / "hubscape" / "manifest.json"
_PARSED = MANIFEST.with_name("partial_parse.msgpack")
# dbt forgets what it has parsed when a variable or the profile is another: parsing has the same ones everywhere.
_PARSING = {"data_dir": "/data", "memory_limit": "1GB"}


@cache
def dbt_project() -> "DbtProject":
    """The project as dagster-dbt sees it."""
    from dagster_dbt import DbtProject

    return DbtProject(project_dir=DBT_DIR, profiles_dir=DBT_DIR)


def is_manifest_stale() -> bool:
    """Whether the manifest is missing or older than any file it was made from."""
    if not MANIFEST.is_file():
        return True
    made = MANIFEST.stat().st_mtime
    folders = [DBT_DIR / name for name in ("models", "macros", "tests", "seeds", "analyses")]
    sources = [f for folder in folders for kind in ("sql", "yml", "csv", "md") for f in folder.rglob(f"*.{kind}")]
    return any(file.stat().st_mtime > made for file in (DBT_DIR / "dbt_project.yml", *sources))


def prepare_manifest() -> Path:
    """Has dbt write the manifest anew where it is stale, and returns its path.

    Raises:
        HubscapeError: dbt refuses the project.
    """
    if is_manifest_stale():
        MANIFEST.parent.mkdir(parents=True, exist_ok=True)
        # Beside the final place and moved there whole: another process may be reading or preparing it, too.
        with tempfile.TemporaryDirectory(prefix=".parsing-", dir=MANIFEST.parent) as folder:
            parse(Path(folder), write=True)
            for made in (Path(folder, path.name) for path in (_PARSED, MANIFEST)):
                made.replace(MANIFEST.with_name(made.name))
    return MANIFEST


def parse(folder: Path, *, write: bool = False) -> "Manifest":
    """The project as dbt has it in memory, of which only what has changed since `prepare_manifest` is parsed again.

    dbt leaves its files in `folder`; the manifest as JSON only to `write` it.

    Raises:
        HubscapeError: dbt refuses the project.
    """
    # The manifest is made from nothing: a partial parse forgets the descriptions of tests whose YAML has changed.
    known = ["--partial-parse-file-path", str(_PARSED)] if _PARSED.exists() and not write else []
    done = _invoke(["parse", *known, "--write-json" if write else "--no-write-json"], folder, _PARSING)
    if not done.success:
        last_line = str(done.exception).strip().splitlines()[-1:]
        raise HubscapeError(f"dbt cannot read the project in {DBT_DIR}: {''.join(last_line)}")
    return done.result


def run_dbt(
    settings: Settings,
    *words: str,
    folder: Path | None = None,
    on_event: Callable[["EventMsg"], None] = lambda _: None,
    parsed: "Manifest | None" = None,
) -> "dbtRunnerResult":
    """Runs a dbt command on the data folder and the day of the settings, and nothing else of its environment.

    `parsed` is the project of a `parse` for this command alone, since dbt writes into it; None has it parsed here.

    Returns what dbt has to say of it, failed nodes included; its log and files lie in `folder`, by default `dbt` in the
    data folder. The warehouse is closed then. `on_event` is told of every event of dbt, in its threads.

    Raises:
        HubscapeError: dbt refuses the project. KeyboardInterrupt: somebody has ended it, by SIGINT or SIGTERM.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    folder = folder or settings.data_dir / "dbt"
    variables = {
        "data_dir": str(settings.data_dir),
        "snapshot_date": settings.snapshot_date.isoformat(),
        "memory_limit": settings.memory_limit,
        "coverage": settings.coverage,
        "whole_share": settings.whole_share,
    }
    try:
        return _invoke([*words, "--no-write-json"], folder, variables, parsed or parse(folder), on_event)
    finally:
        DuckDBConnectionManager.close_all_connections()  # else dbt keeps it for a next command in this process


def _invoke(
    words: list[str], folder: Path, variables: Mapping[str, str], manifest: "Manifest | None" = None, *callbacks: Any
) -> "dbtRunnerResult":
    from dbt.cli.main import dbtRunner

    places = ["--project-dir", DBT_DIR, "--profiles-dir", DBT_DIR, "--target-path", folder, "--log-path", folder]
    options = ["--log-level", "none", "--no-use-colors-file", "--vars", json.dumps(variables)]
    with _interrupts() as received:
        done = dbtRunner(manifest, list(callbacks)).invoke([*words, *map(str, places), *options])
    if received:  # what dbt says then may be what failed as it gave up
        raise KeyboardInterrupt
    return done


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Has both signals raise KeyboardInterrupt, at which dbt cancels its queries; Dagster's own error it lets pass.

    Yields the numbers of those that came.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    def interrupt(number: int, _: object) -> None:
        received.append(number)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    try:
        prepare_manifest()
    except HubscapeError as error:
        sys.exit(f"hubscape: {error}")
