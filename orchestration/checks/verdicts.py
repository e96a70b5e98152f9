"""Verdicts of the checks, kept on disk beside what they judged, so that a later step can ask for them.

A failed check stops what comes after it in the same run only. A step that is launched alone looks here instead, and
a verdict counts for exactly the bytes it was given on: `subject` names them (a manifest's hash, a dbt build). It counts
no longer when the rules are others: `rules` names those it was given by.
"""

import datetime as dt
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from orchestration.ground.errors import HubscapeError
from orchestration.ground.files import write_durably
from orchestration.release.datapackage import CheckResult


class Verdict(BaseModel):
    """What the checks of one layer found on one table of one snapshot; `rules` is empty where they had no name yet."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    layer: str
    table: str
    snapshot_date: dt.date
    subject: str
    rules: str = ""
    results: list[CheckResult]

    @property
    def refused(self) -> list[str]:
        """Names of the checks of severity error that failed."""
        return [result.check for result in self.results if result.verdict == "failed"]


def write_verdict(data_dir: Path, verdict: Verdict) -> None:
    """Keeps a verdict, in place of an older one on the same table and snapshot."""
    path = _path(data_dir, verdict.layer, verdict.table, verdict.snapshot_date)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, verdict.model_dump_json(indent=2))


def read_verdict(data_dir: Path, layer: str, table: str, snapshot_date: dt.date) -> Verdict | None:
    """The last verdict on a table of a snapshot, None where there is none that can be read."""
    try:
        return Verdict.model_validate_json(_path(data_dir, layer, table, snapshot_date).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def require_verdict(
    data_dir: Path, layer: str, table: str, snapshot_date: dt.date, *, subject: str, rules: str
) -> Verdict:
    """The verdict by exactly these rules on exactly this subject, which no check of severity error refused.

    Raises:
        HubscapeError: nobody checked it, something else or by other rules was checked, or a check refused it.
    """
    where = f"{layer} table {table} of snapshot {snapshot_date}"
    verdict = read_verdict(data_dir, layer, table, snapshot_date)
    if verdict is None:
        raise HubscapeError(f"The {where} has not been checked: run the job `refresh` from the start.")
    if verdict.subject != subject:
        raise HubscapeError(f"The {where} has changed since it was checked: run the job `refresh` from the start.")
    if verdict.rules != rules:
        raise HubscapeError(f"The {where} was checked by rules of before: run the job `refresh` from the start.")
    if verdict.refused:
        raise HubscapeError(
            f"The {where} was refused by its checks ({', '.join(verdict.refused)}): mend the source and run again."
        )
    return verdict


def _path(data_dir: Path, layer: str, table: str, snapshot_date: dt.date) -> Path:
    return data_dir / "checks" / layer / table / f"snapshot_date={snapshot_date}.json"
