"""Whose organization overviews are read: the registry's handles, and the owners whose models are downloaded most."""

import csv
from datetime import date
from pathlib import Path

from orchestration.dbt import DBT_DIR
from orchestration.ground.engine import connect
from orchestration.lake.snapshot import snapshot_dir

REGISTRY = DBT_DIR / "seeds" / "registry_organizations.csv"


def handles_to_read(data_dir: Path, snapshot_date: date, top: int) -> list[str]:
    """The registry's handles in its order, and the `top` whose models were downloaded most in 30 days, most first."""
    with REGISTRY.open(newline="") as file:
        registered = [row["handle"] for row in csv.DictReader(file)]
    folder = snapshot_dir(data_dir, "models", snapshot_date)
    with connect(folders=[folder]) as connection:
        rows = connection.execute(
            """
            select split_part(id, '/', 1) as handle
            from read_parquet($files)
            where fault is null and contains(id, '/')
            group by handle
            order by sum(downloads) desc nulls last, handle
            limit $top
            """,
            {"files": str(folder / "*.parquet"), "top": top},
        ).fetchall()
    return registered + [handle for (handle,) in rows]
