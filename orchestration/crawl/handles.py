"""Whose organization overviews are read: the registry's handles, and the owners whose models are downloaded most."""

import csv
from datetime import date
from pathlib import Path

from orchestration.dbt import DBT_DIR
from orchestration.ground.engine import connect
from orchestration.lake.snapshot import snapshot_dir

REGISTRY = DBT_DIR / "seeds" / "registry_organizations.csv"


def registry_handles() -> list[str]:
    """All handles of the registry, in its order."""
    with REGISTRY.open(newline="") as file:
        return [row["handle"] for row in csv.DictReader(file)]


def top_handles(data_dir: Path, snapshot_date: date, count: int) -> list[str]:
    """The `count` handles whose models were downloaded most in the last 30 days, most first."""
    folder = snapshot_dir(data_dir, "models", snapshot_date)
    with connect(folders=[folder]) as connection:
        rows = connection.execute(
            """
            select split_part(id, '/', 1) as handle
            from read_parquet($files)
            where fault is null and contains(id, '/')
            group by handle
            order by sum(downloads) desc nulls last, handle
            limit $count
            """,
            {"files": str(folder / "*.parquet"), "count": count},
        ).fetchall()
    return [handle for (handle,) in rows]
