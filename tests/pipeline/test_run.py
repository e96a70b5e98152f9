"""The whole job as people run it: a process of its own, a real Hub over HTTP, and what is left when things go wrong."""

import asyncio
import datetime as dt
import json
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from huggingface_hub.errors import RepositoryNotFoundError
from starlette.types import ASGIApp, Receive, Scope, Send

from orchestration.commands.run import RunReport
from orchestration.commands.summary import print_summary
from orchestration.sandbox.catalogue import Catalogue
from orchestration.sandbox.ecosystem import synthetic_catalogue
from tests.days import FIRST, made_up
from tests.hubscape import dagster, hubscape, start
from tests.sandbox import TOKEN, RunningSandbox, running_sandbox, small_catalogue
from tests.support import PATIENCE

DAY = dt.date(2026, 11, 20)
REPO = "my-org/observatory"


def ecosystem(date: dt.date = DAY) -> Catalogue:
    return synthetic_catalogue(seed=7, scale=0.02, date=date)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[RunningSandbox]:
    with running_sandbox(ecosystem(), tmp_path / "hub") as running:
        yield running


def variables(hub: RunningSandbox | str, data_dir: Path, **more: str) -> dict[str, str]:
    return {
        "HUBSCAPE_SOURCE": "api",
        "HF_ENDPOINT": hub if isinstance(hub, str) else hub.url,
        "HF_TOKEN": TOKEN,
        "HUBSCAPE_DATA_DIR": str(data_dir),
        "HUBSCAPE_SNAPSHOT_DATE": DAY.isoformat(),
        "HUBSCAPE_PUBLISH_REPO": REPO,
        "HUBSCAPE_PAPERS_DAYS": "20",
        "HUBSCAPE_TOP_HANDLES": "5",
        **more,
    }


def publish_alone(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What launching only the publication in the UI does."""
    home = Path(environment["HUBSCAPE_DATA_DIR"]) / "alone"
    home.mkdir(parents=True, exist_ok=True)
    return dagster({**environment, "DAGSTER_HOME": str(home)}, "asset", "materialize", "--select", "publication")


def head(hub: RunningSandbox) -> str:
    return hub.api().dataset_info(REPO).sha or ""


def one_sentence(stderr: str) -> str:
    """What the command says at the end; a traceback anywhere fails the test."""
    assert "Traceback" not in stderr, stderr[-3000:]
    lines = [line for line in stderr.splitlines() if line.startswith("hubscape: ")]
    assert len(lines) == 1, stderr[-3000:]
    return lines[0]


def release_bytes(data_dir: Path, date: dt.date = DAY) -> dict[str, bytes]:
    folder = data_dir / "release" / date.isoformat()
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_second_run_of_the_same_snapshot_makes_no_commit(first, tmp_path):
    again = first.copy(tmp_path)
    made = release_bytes(again.machine.data_dir, FIRST)
    with again.hub() as hub:
        commit = head(hub)
        second = again.machine.run(hub.url, FIRST)

        assert head(hub) == commit
        assert release_bytes(again.machine.data_dir, FIRST) == made
        assert "unchanged, no commit made" in second
        tags = hub.api().list_repo_refs(REPO, repo_type="dataset").tags
        assert {tag.name: tag.target_commit for tag in tags} == {f"snapshot-{FIRST}": commit}
        back = hub.api().snapshot_download(REPO, repo_type="dataset", revision=commit, local_dir=tmp_path / "back")
    for name, content in made.items():
        assert (Path(back) / name).read_bytes() == content


def test_dagster_has_run_the_job_without_our_command(first, tmp_path):
    """The first of the days that tests share is made that way."""
    assert (first.machine.data_dir / "release" / f"{FIRST}" / "datapackage.json").is_file()
    with first.copy(tmp_path).hub() as hub:
        assert head(hub), "nothing was published"


POISON = {
    "path": {"_id": "f" * 23 + "1", "id": "../../etc/passwd"},
    "html": {"_id": "f" * 23 + "2", "id": "evil/<script>alert(1)</script>"},
    "nul": {"_id": "f" * 23 + "3", "id": "evil/nul\x00byte"},
    "huge": {"_id": "f" * 23 + "4", "id": "evil/huge-number", "downloads": 2**70},
    "most": {"_id": "f" * 23 + "6", "id": "evil/largest-number", "likes": 2**63 - 1},
    "private": {"_id": "f" * 23 + "5", "id": "evil/secret-project", "private": True},
}
NOT_SHOWN = ("etc/passwd", "<script>", "\x00", "evil/", "AAAAAAAAAA", "onerror")


@dataclass(frozen=True)
class Mended:
    """Runs on a Hub with poisoned rows, which had no Spaces at first, and what was published by then."""

    data_dir: Path
    refused: subprocess.CompletedProcess[str]
    alone: subprocess.CompletedProcess[str]
    was_released: bool
    was_published: bool
    done: subprocess.CompletedProcess[str]
    card: str


@pytest.fixture(scope="module")
def mended(tmp_path_factory) -> Mended:
    folder, catalogue = tmp_path_factory.mktemp("mended"), ecosystem()
    model = next(row for row in catalogue.models if row["id"] == "Qwen/Qwen3-8B")
    for row in POISON.values():
        catalogue.models.append({**model, "baseModels": None, "tags": [], **row, "modelId": row["id"]})
    day = max(date for date, items in catalogue.papers.items() if items)
    paper = catalogue.papers[day][0]
    for number, title in enumerate(["A" * 1_000_000, "nul \x00 title", "<img src=x onerror=alert(1)> | ---"]):
        poisoned = json.loads(json.dumps(paper))
        poisoned["paper"]["id"], poisoned["paper"]["title"], poisoned["title"] = f"2611.9000{number}", title, title
        catalogue.papers[day].append(poisoned)
    spaces = catalogue.spaces[:]
    catalogue.spaces.clear()
    with running_sandbox(catalogue, folder / "hub") as hub:
        environment = variables(hub, folder / "data", HUBSCAPE_MAX_FAULT_SHARE="0.3")
        refused, alone = hubscape("run", environment), publish_alone(environment)
        was_released = (folder / "data" / "release").exists()
        was_published = hub.api().repo_exists(REPO, repo_type="dataset")
        catalogue.spaces.extend(spaces)
        done = hubscape("run", environment)
        assert done.returncode == 0, "an ordinary run goes on once the source is mended:\n" + done.stderr
        card = Path(hub.api().hf_hub_download(REPO, "README.md", repo_type="dataset", local_dir=folder / "back"))
    return Mended(folder / "data", refused, alone, was_released, was_published, done, card.read_text())


def test_an_empty_table_publishes_nothing_and_neither_does_the_publication_alone(mended):
    assert mended.refused.returncode == 1
    assert "raw/spaces" in one_sentence(mended.refused.stderr)
    assert not mended.was_released
    assert mended.alone.returncode != 0
    assert "There is no release in" in mended.alone.stdout + mended.alone.stderr
    assert not mended.was_published
    assert "refused by its checks and is fetched again" in mended.done.stderr


def test_poisoned_rows_go_to_quarantine_and_stop_nothing_else(mended):
    release = mended.data_dir / "release" / DAY.isoformat()
    rows = pq.read_table(release / "data" / "quarantine" / "quarantine.parquet").to_pylist()
    quarantined = [(row["table_name"], row["row_key"]) for row in rows for _ in range(row["rows_count"])]
    assert len([table for table, _ in quarantined if table == "models"]) == len(POISON)
    assert "secret-project" not in json.dumps(rows, default=str), "a private repo is named in public"
    assert len([table for table, _ in quarantined if table == "daily_papers"]) == 2, "HTML in a title is only text"
    for text in (mended.card, mended.done.stdout, mended.done.stderr, json.dumps(rows, default=str)):
        for poison in NOT_SHOWN[:3]:
            assert poison not in text
    for poison in NOT_SHOWN:
        assert poison not in mended.card
    shown = pq.read_table(release / "data" / "fct_organization_snapshots" / "fct_organization_snapshots.parquet")
    assert "evil" not in shown["handle"].to_pylist()


def test_a_lost_volume_stops_the_next_day_and_the_published_day_stays(first, tmp_path):
    machine, tomorrow = first.copy(tmp_path).machine, FIRST + dt.timedelta(days=1)
    catalogue = made_up(tomorrow)
    del catalogue.models[len(catalogue.models) // 2 :]
    with running_sandbox(catalogue, tmp_path / "hub") as hub:
        published = head(hub)
        environment = machine.variables(hub.url, tomorrow)

        second = hubscape("run", environment)
        alone = publish_alone(environment)

        assert second.returncode == 1
        assert "raw/models" in one_sentence(second.stderr)
        assert alone.returncode != 0
        assert head(hub) == published


def test_a_release_that_was_touched_after_its_audit_is_not_published(first, tmp_path):
    machine, elsewhere = first.copy(tmp_path).machine, "my-org/elsewhere"
    path = machine.data_dir / "release" / f"{FIRST}" / "data" / "fct_papers" / "fct_papers.parquet"
    pq.write_table(pq.read_table(path).slice(1), path)
    with running_sandbox(made_up(FIRST), tmp_path / "hub") as hub:
        alone = publish_alone({**machine.variables(hub.url, FIRST), "HUBSCAPE_PUBLISH_REPO": elsewhere})

        assert alone.returncode != 0
        assert "fct_papers.parquet is not the file that was listed" in alone.stdout + alone.stderr
        with pytest.raises(RepositoryNotFoundError):
            hub.api().dataset_info(elsewhere)


def test_a_crawl_that_was_killed_goes_on_after_the_last_whole_page(tmp_path):
    catalogue = small_catalogue(models=19_990)
    with running_sandbox(catalogue, tmp_path / "hub") as hub:
        slow_down(hub, seconds=0.15)
        environment = variables(hub, tmp_path / "data")
        process = start("run", environment)
        wait_for(lambda: len(model_pages(hub)) >= 6, process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        asked_before = model_pages(hub)
        stored = len(list((tmp_path / "data" / "spool" / "models").rglob("page-*.json.zst")))
        assert 4 <= stored < 20

        second = hubscape("run", environment)  # fails later, since this Hub has no datasets
        asked_after = model_pages(hub)[len(asked_before) :]

    assert second.returncode == 1
    assert "raw/datasets" in one_sentence(second.stderr)
    assert len(asked_after) == 20 - stored
    assert not set(asked_after) & set(asked_before[:stored])
    manifest = json.loads(
        (tmp_path / "data" / "raw" / "models" / f"snapshot_date={DAY}" / "_manifest.json").read_text()
    )
    assert (manifest["rows"], manifest["duplicate_rows"], manifest["complete"]) == (19_990, 0, True)


def model_pages(hub: RunningSandbox) -> list[str]:
    return [path for method, path in hub.requests if path.startswith("/api/models?") and "expand" in path]


def slow_down(hub: RunningSandbox, *, seconds: float) -> None:
    def make(inner: ASGIApp) -> ASGIApp:
        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            if scope.get("path") == "/api/models":
                await asyncio.sleep(seconds)
            await inner(scope, receive, send)

        return slow

    hub.put_in_front(make)


def wait_for(condition, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, process.communicate()[1][-2000:]
        assert time.monotonic() < until
        time.sleep(0.02)


def end(process: subprocess.Popen[str], how: signal.Signals) -> str:
    """Ends a run; returns what it said on the way out."""
    process.send_signal(how)
    return process.communicate()[1]


def test_whatever_stops_a_run_the_next_one_goes_on(small_disk, tmp_path, subtests):
    data_dir = small_disk.parent
    environment = {
        "HUBSCAPE_DATA_DIR": str(data_dir),
        "HUBSCAPE_SNAPSHOT_DATE": DAY.isoformat(),
        "HUBSCAPE_SANDBOX_SCALE": "0.02",
        "HUBSCAPE_PAPERS_DAYS": "20",
        "HUBSCAPE_TOP_HANDLES": "5",
    }
    with subtests.test("a full disk is one sentence"):
        if not small_disk.is_mount():
            pytest.skip("this user may not mount a small disk: a full one was not tried")
        filler = small_disk / "filler"
        filler.write_bytes(b"x" * (shutil.disk_usage(small_disk).free - 12_000))
        full = hubscape("run", environment)
        assert full.returncode == 1
        assert "No space left on device" in one_sentence(full.stderr)
        assert not list(small_disk.glob("models/snapshot_date=*"))
        filler.unlink()

    there = len(list(small_disk.glob("*/snapshot_date=*")))  # small tables may have found room on the full disk
    process = start("run", environment)  # with a sandbox of its own, which must not outlive it
    wait_for(lambda: len(list(small_disk.glob("*/snapshot_date=*"))) > there, process)
    end(process, signal.SIGKILL)

    warehouse = data_dir / "warehouse.duckdb"
    process = start("run", environment)
    wait_for(warehouse.exists, process)
    other = hubscape("run", environment)
    assert other.returncode == 1
    assert "Another run is at work" in one_sentence(other.stderr)
    said = end(process, signal.SIGTERM)
    assert process.returncode == 1
    assert one_sentence(said) == "hubscape: The run was interrupted: run again to go on."

    warehouse.unlink()
    process = start("run", environment)
    wait_for(warehouse.exists, process)
    end(process, signal.SIGKILL)

    done = hubscape("run", environment)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "read back and equal byte for byte" in done.stdout


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """The raw layer of a data folder, on a disk of 400 kB where this user may mount one."""
    raw = tmp_path / "data" / "raw"
    raw.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(raw)], capture_output=True)
    yield raw
    if not mounted.returncode:
        subprocess.run(["umount", str(raw)], check=True)


def test_a_run_that_publishes_nothing_says_so(first, capsys):
    settings = first.machine.settings("http://127.0.0.1:9", FIRST, publish_repo="")
    print_summary(settings, RunReport("a run", {"publication": 1.0}, {}))
    assert "nothing: HUBSCAPE_PUBLISH_REPO is empty" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        ({"HF_TOKEN": "hf_wrong_secret"}, 1, "token"),
        ({"HF_ENDPOINT": "http://127.0.0.1:9"}, 1, "http://127.0.0.1:9"),
        ({"HUBSCAPE_SOURCE": "carrier-pigeon"}, 2, "HUBSCAPE_SOURCE cannot be used"),
        ({"HUBSCAPE_SNAPSHOT_DATE": "2026-02-30"}, 2, "HUBSCAPE_SNAPSHOT_DATE cannot be used"),
        ({"HUBSCAPE_REFRESH": "hourly"}, 2, "HUBSCAPE_REFRESH"),
    ],
)
def test_wrong_use_and_a_failing_source_end_with_one_sentence(hub, tmp_path, changed, code, said):
    done = hubscape("run", variables(hub, tmp_path / "data", **changed))

    assert done.returncode == code
    assert said in one_sentence(done.stderr)
    assert "wrong_secret" not in done.stdout + done.stderr
    assert not list((tmp_path / "data").glob("raw/*/snapshot_date=*"))
    for path in (tmp_path / "data").rglob("*"):
        assert not path.is_file() or b"hf_wrong_secret" not in path.read_bytes(), f"the token stands in {path}"
