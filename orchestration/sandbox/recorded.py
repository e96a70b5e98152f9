"""Recorded rows of the real Hub as a catalogue. Nothing is put right here: a row is served as it was recorded."""

import datetime
import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path

from orchestration.ground.errors import HubscapeError
from orchestration.sandbox.catalogue import Catalogue
from orchestration.sandbox.ecosystem import add_organizations
from orchestration.sandbox.registry import read_registry


class RecordedRowsError(HubscapeError):
    """The folder of recorded rows cannot be served; the text names the file and the line."""


def recorded_catalogue(folder: Path) -> Catalogue:
    """What lies in `folder`: models, datasets and spaces, one JSON row a line, and daily pages grouped by their day.

    `models_trending.jsonl.gz` is left out: its rows were recorded months before those of `models.jsonl.gz`, and a list
    must show one day. Organization overviews were not recorded; they are made up for the registry's handles, as of the
    day on which the latest model was created.

    Raises:
        RecordedRowsError: if a file is missing, cut short or holds a line that is not a row.
    """
    models, datasets, spaces = (
        [row for _, row in _rows(folder / f"{kind}.jsonl.gz")] for kind in ("models", "datasets", "spaces")
    )
    papers: dict[str, list[dict]] = {}
    # Without any month the error names the folder's pattern, as for any other missing file.
    for file in sorted((folder / "daily_papers").glob("*.jsonl.gz")) or [folder / "daily_papers" / "*.jsonl.gz"]:
        for number, row in _rows(file):
            item = row.get("item")
            if not (isinstance(item, dict) and isinstance(item.get("paper"), dict) and _is_day(row.get("date"))):
                raise RecordedRowsError(f"Line {number} of {file} is no paper of a daily page: repair or remove it.")
            papers.setdefault(row["date"], []).append(item)
    days = [day for row in models if _is_day(day := str(row.get("createdAt"))[:10])]
    catalogue = Catalogue("recorded", False, models, datasets, spaces, {}, True, papers, {})
    recorded_on = datetime.date.fromisoformat(max(days or papers))
    add_organizations(catalogue, read_registry(), seed=7, date=recorded_on)
    return catalogue


def _is_day(text: object) -> bool:
    try:
        return datetime.date.fromisoformat(str(text)).isoformat() == text
    except ValueError:
        return False


def _rows(file: Path) -> Iterator[tuple[int, dict]]:
    """Each line's number, from 1, and the object that it holds."""
    number = 0
    try:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                number += 1
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise RecordedRowsError(f"Line {number} of {file} is not a JSON object: repair or remove it.")
                yield number, row
    except FileNotFoundError:
        raise RecordedRowsError(f"There is no file {file} of recorded rows: give another folder.") from None
    except json.JSONDecodeError:
        raise RecordedRowsError(f"Line {number} of {file} is not JSON: repair or remove it.") from None
    except (EOFError, OSError, zlib.error, UnicodeDecodeError):
        raise RecordedRowsError(f"Line {number + 1} of {file} cannot be read: get the file anew.") from None
