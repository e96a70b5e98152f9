"""A machine that keeps an observatory: pulls a day of a Hub, builds the marts, makes the release, all in this process.

The same steps as the job takes, by the same functions, without the seconds that a command costs to start and without
its checks; tests that want those run the command itself.
"""

import datetime as dt
import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq

from orchestration.assets.raw import raw_assets
from orchestration.crawl.source import HubAccess
from orchestration.dbt import MANIFEST, prepare_manifest, run_dbt
from orchestration.release.build import build_release, release_dir
from orchestration.release.contract import read_contract
from orchestration.release.datapackage import ReleaseFile
from orchestration.release.export import open_warehouse
from orchestration.release.provenance import provenance
from orchestration.settings import PROJECT_DIR, Settings, load_settings
from orchestration.site.report import write_pages
from tests.hubscape import hubscape
from tests.sandbox import TOKEN

# Few pages and overviews: a day of a small Hub in a second.
SMALL = {"HUBSCAPE_PAPERS_DAYS": "30", "HUBSCAPE_TOP_HANDLES": "5"}
_SMALL = {name.removeprefix("HUBSCAPE_").lower(): value for name, value in SMALL.items()}


@dataclass(frozen=True)
class Machine:
    """One data folder; `repo` is what it publishes to."""

    data_dir: Path
    repo: str = "my-org/observatory"

    def variables(self, hub_url: str, date: dt.date) -> dict[str, str]:
        """What a maintainer sets for a run against that Hub."""
        return {
            "HUBSCAPE_SOURCE": "api",
            "HF_ENDPOINT": hub_url,
            "HF_TOKEN": TOKEN,
            "HUBSCAPE_DATA_DIR": str(self.data_dir),
            "HUBSCAPE_SNAPSHOT_DATE": f"{date}",
            "HUBSCAPE_PUBLISH_REPO": self.repo,
            **SMALL,
        }

    def settings(self, hub_url: str, date: dt.date, **more: Any) -> Settings:
        """The same as settings, for what runs in this process."""
        facts = {"source": "api", "endpoint": hub_url, "token": TOKEN, "publish_repo": self.repo, **_SMALL, **more}
        return load_settings(data_dir=self.data_dir, snapshot_date=date, **facts)

    def step(self, hub_url: str, date: dt.date, *, refetch: bool = False, tables: Collection[str] = ()) -> None:
        """Pulls the day, builds the models and makes the release; of `tables` alone if any are named."""
        settings = self.settings(hub_url, date)
        contract = read_contract(prepare_manifest())
        if tables:
            contract = replace(contract, tables=tuple(table for table in contract.tables if table.name in tables))
        selected = ["--select", *(f"+{table}" for table in tables)] if tables else []
        self._pull(settings, refetch)
        self.build(settings, "build", "--exclude-resource-types", "test", "unit_test", *selected)
        with open_warehouse(self.data_dir / "warehouse.duckdb") as connection:
            build_release(
                connection,
                contract,
                data_dir=self.data_dir,
                snapshot_date=date,
                sources=[],
                checks=[],
                provenance=provenance(PROJECT_DIR),
                pages=no_pages if tables else write_pages,  # charts ask tables that a part does not have
            )

    def _pull(self, settings: Settings, refetch: bool) -> None:
        config = {"ops": {f"raw__{t}": {"config": {"refetch": True}} for t in RAW}} if refetch else {}
        done = dg.materialize(
            raw_assets(json.loads(MANIFEST.read_text())),
            resources={"settings": settings, "hub": HubAccess(settings.hub_endpoint, settings.hub_token)},
            run_config=config,
        )
        assert done.success

    def build(self, settings: Settings, *words: str) -> None:
        """Runs dbt on the snapshot of the settings, which must succeed."""
        done = run_dbt(settings, *words)
        assert done.success, done.exception or [r.message for r in done.result.results if r.message][-3:]

    def run(self, hub_url: str, date: dt.date) -> str:
        """The whole job by the command itself, checks and publication included; returns what it printed."""
        done = hubscape("run", self.variables(hub_url, date))
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def table(self, date: dt.date, name: str) -> list[dict[str, Any]]:
        """Rows of a published table in the release of a day; none where it has no file."""
        path = release_dir(self.data_dir, date) / "data" / name / f"{name}.parquet"
        return pq.read_table(path).to_pylist() if path.exists() else []

    def tables(self, date: dt.date) -> dict[str, bytes]:
        """The bytes of every published table of a day, by name."""
        return {path.stem: path.read_bytes() for path in release_dir(self.data_dir, date).glob("data/*/*.parquet")}


def no_pages(*_: object) -> list[ReleaseFile]:
    """What people would look at of a release that nobody looks at."""
    return []


RAW = ("models", "datasets", "spaces", "organizations", "daily_papers")
