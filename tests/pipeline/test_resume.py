"""A crawl that goes on after an interruption, seen from the asset's own function, over real HTTP and real files."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.checks.gates import GATE
from orchestration.crawl import plan
from orchestration.crawl.plan import Plan, fetch
from orchestration.hub import listing
from orchestration.hub.page import Page
from orchestration.hub.session import HubSession
from orchestration.lake.files import LakeError
from orchestration.settings import load_settings
from tests.sandbox import running_sandbox, small_catalogue

DAY = dt.date(2026, 1, 2)


class Interrupted(Exception):
    pass


def fetch_models(url: str, data_dir: Path, *, stop_after: int | None = None, forget: bool = False, **options):
    settings = load_settings(source="api", data_dir=data_dir, snapshot_date=DAY)
    said: list[str] = []

    def crawl(session: HubSession, start: str | None) -> Iterator[Page]:
        place = "/api/models?limit=10&sort=nonsense" if forget and start else start
        for number, page in enumerate(listing.pages(session, "models", start=place, page_size=10)):
            if number == stop_after:
                raise Interrupted
            yield page

    options = {"refetch": False, **options}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(plan.PLANS, "models", lambda *_: Plan("all", crawl))
        manifest = fetch("models", settings, HubSession(url, None), GATE, progress=said.append, **options)
    return manifest, said


@pytest.mark.parametrize("forget", [False, True])
def test_an_interrupted_crawl_ends_whole_even_if_the_hub_has_forgotten_the_cursor(tmp_path, forget):
    with running_sandbox(small_catalogue(models=95), tmp_path / "hub") as hub:
        with pytest.raises(Interrupted):
            fetch_models(hub.url, tmp_path / "data", stop_after=4)
        manifest, said = fetch_models(hub.url, tmp_path / "data", forget=forget)

    assert (manifest.rows, manifest.duplicate_rows) == (95, 0)
    assert said[0] == "going on where the last crawl stopped"
    assert ("the Hub has forgotten where that was: starting anew" in said) == forget
    assert manifest.requests == 10


def test_a_snapshot_is_kept_until_somebody_asks_for_it_anew(tmp_path):
    catalogue = small_catalogue(models=30)
    with running_sandbox(catalogue, tmp_path / "hub") as hub:
        first, _ = fetch_models(hub.url, tmp_path / "data")
        del catalogue.models[10:]
        kept, said = fetch_models(hub.url, tmp_path / "data")
        fetched, _ = fetch_models(hub.url, tmp_path / "data", refetch=True)

    assert kept == first and "are kept" in said[0]
    assert fetched.rows == 10


def test_a_lake_holds_one_source(tmp_path):
    with running_sandbox(small_catalogue(models=3), tmp_path / "hub") as hub:
        fetch_models(hub.url, tmp_path / "data")
    with (
        running_sandbox(small_catalogue(models=3, label="recorded"), tmp_path / "hub") as hub,
        pytest.raises(LakeError, match=r"holds models of api \(synthetic.*\), not of api \(recorded\)"),
    ):
        fetch_models(hub.url, tmp_path / "data")
