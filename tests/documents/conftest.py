"""A release published to a running sandbox Hub, for those who read it as its users do."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from orchestration.sandbox.ecosystem import synthetic_catalogue
from tests.hubscape import hubscape
from tests.sandbox import TOKEN, RunningSandbox, running_sandbox

DAY = "2026-11-20"
REPO = "somebody/observatory"


@dataclass(frozen=True)
class Published:
    """What was published, by the tag of its day, and the Hub that holds it."""

    hub: RunningSandbox
    release: Path
    tag: str

    @property
    def tables(self) -> list[str]:
        """Names of the published tables."""
        return sorted(folder.name for folder in (self.release / "data").iterdir())

    def file(self, table: str) -> Path:
        """The local Parquet file of a table."""
        return self.release / "data" / table / f"{table}.parquet"

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The rows of a table in their order, as pyarrow reads the local file."""
        return pq.read_table(self.file(table)).to_pylist()


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    """A run of the whole job against a small made-up Hub, which it publishes to."""
    folder = tmp_path_factory.mktemp("published")
    catalogue = synthetic_catalogue(scale=0.05, date=dt.date.fromisoformat(DAY))
    with running_sandbox(catalogue, folder / "hub") as hub:
        variables = {
            "HUBSCAPE_SOURCE": "api",
            "HF_ENDPOINT": hub.url,
            "HF_TOKEN": TOKEN,
            "HUBSCAPE_DATA_DIR": str(folder / "data"),
            "HUBSCAPE_SNAPSHOT_DATE": DAY,
            "HUBSCAPE_PUBLISH_REPO": REPO,
            "HUBSCAPE_PAPERS_DAYS": "30",
            "HUBSCAPE_TOP_HANDLES": "5",
        }
        done = hubscape("run", variables)
        assert done.returncode == 0, done.stderr[-3000:]
        (tag,) = (ref.name for ref in hub.api().list_repo_refs(REPO, repo_type="dataset").tags)
        yield Published(hub, folder / "data" / "release" / DAY, tag)
