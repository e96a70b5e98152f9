"""The whole job as people run it: a process of its own, a real Hub over HTTP, and what is left when things go wrong."""

import asyncio
import datetime as dt
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from huggingface_hub.errors import RepositoryNotFoundError
from starlette.types import ASGIApp, Receive, Scope, Send

from orchestration.sandbox.catalogue import Catalogue
from orchestration.sandbox.ecosystem import synthetic_catalogue
from tests.hubscape import PROJECT, clean_environment, hubscape, start
from tests.sandbox import TOKEN, RunningSandbox, running_sandbox, small_catalogue

DAY = dt.date(2026, 11, 20)
REPO = "somebody/observatory"


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
    command = [sys.executable, "-m", "dagster", "asset", "materialize", "--select", "publication"]
    return subprocess.run(
        [*command, "-m", "orchestration.definitions"],
        env=clean_environment({**environment, "DAGSTER_HOME": str(home)}),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


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


def test_a_second_run_of_the_same_snapshot_makes_no_commit(hub, tmp_path):
    environment = variables(hub, tmp_path / "data")
    first = hubscape("run", environment)
    assert first.returncode == 0, first.stderr
    made, commit = release_bytes(tmp_path / "data"), head(hub)

    second = hubscape("run", environment)

    assert second.returncode == 0, second.stderr
    assert head(hub) == commit
    assert release_bytes(tmp_path / "data") == made
    assert "unchanged, no commit made" in second.stdout
    assert {t.name: t.target_commit for t in hub.api().list_repo_refs(REPO, repo_type="dataset").tags} == {
        f"snapshot-{DAY}": commit
    }
    remote = Path(hub.api().snapshot_download(REPO, repo_type="dataset", revision=commit, local_dir=tmp_path / "back"))
    for name, content in made.items():
        assert (remote / name).read_bytes() == content


POISON = {
    "path": {"_id": "f" * 23 + "1", "id": "../../etc/passwd"},
    "html": {"_id": "f" * 23 + "2", "id": "evil/<script>alert(1)</script>"},
    "nul": {"_id": "f" * 23 + "3", "id": "evil/nul\x00byte"},
    "huge": {"_id": "f" * 23 + "4", "id": "evil/huge-number", "downloads": 2**70},
    "most": {"_id": "f" * 23 + "6", "id": "evil/largest-number", "likes": 2**63 - 1},
    "private": {"_id": "f" * 23 + "5", "id": "evil/secret-project", "private": True},
}
NOT_SHOWN = ("etc/passwd", "<script>", "\x00", "evil/", "AAAAAAAAAA", "onerror")


def test_poisoned_rows_go_to_quarantine_and_stop_nothing_else(tmp_path):
    catalogue = ecosystem()
    model = next(row for row in catalogue.models if row["id"] == "Qwen/Qwen3-8B")
    for row in POISON.values():
        catalogue.models.append({**model, "baseModels": None, "tags": [], **row, "modelId": row["id"]})
    day = max(date for date, items in catalogue.papers.items() if items)
    paper = catalogue.papers[day][0]
    for number, title in enumerate(["A" * 1_000_000, "nul \x00 title", "<img src=x onerror=alert(1)> | ---"]):
        poisoned = json.loads(json.dumps(paper))
        poisoned["paper"]["id"], poisoned["paper"]["title"], poisoned["title"] = f"2611.9000{number}", title, title
        catalogue.papers[day].append(poisoned)
    with running_sandbox(catalogue, tmp_path / "hub") as hub:
        done = hubscape("run", variables(hub, tmp_path / "data", HUBSCAPE_MAX_FAULT_SHARE="0.3"))
        assert done.returncode == 0, done.stderr
        card = Path(hub.api().hf_hub_download(REPO, "README.md", repo_type="dataset", local_dir=tmp_path / "back"))

    release = tmp_path / "data" / "release" / DAY.isoformat()
    rows = pq.read_table(release / "data" / "quarantine" / "quarantine.parquet").to_pylist()
    quarantined = [(row["table_name"], row["row_key"]) for row in rows for _ in range(row["rows_count"])]
    assert len([table for table, _ in quarantined if table == "models"]) == len(POISON)
    assert "secret-project" not in json.dumps(rows, default=str), "a private repo is named in public"
    assert len([table for table, _ in quarantined if table == "daily_papers"]) == 2, "HTML in a title is only text"
    for text in (card.read_text(), done.stdout, done.stderr, json.dumps(rows, default=str)):
        for poison in NOT_SHOWN[:3]:
            assert poison not in text
    for poison in NOT_SHOWN:
        assert poison not in card.read_text()
    shown = pq.read_table(release / "data" / "fct_organization_snapshots" / "fct_organization_snapshots.parquet")
    assert "evil" not in shown["handle"].to_pylist()


def test_an_empty_table_publishes_nothing_and_neither_does_the_publication_alone(tmp_path):
    catalogue = ecosystem()
    catalogue.spaces.clear()
    with running_sandbox(catalogue, tmp_path / "hub") as hub:
        environment = variables(hub, tmp_path / "data")
        done = hubscape("run", environment)
        alone = publish_alone(environment)

        assert done.returncode == 1
        assert "raw/spaces" in one_sentence(done.stderr)
        assert not (tmp_path / "data" / "release").exists()
        assert alone.returncode != 0
        assert "There is no release in" in alone.stdout + alone.stderr
        with pytest.raises(RepositoryNotFoundError):
            hub.api().dataset_info(REPO)

        catalogue.spaces.extend(ecosystem().spaces)
        mended = hubscape("run", environment)
        assert mended.returncode == 0, "an ordinary run goes on once the source is mended:\n" + mended.stderr
        assert "refused by its checks and is fetched again" in mended.stderr


def test_a_lost_volume_stops_the_next_day_and_the_published_day_stays(tmp_path):
    next_day = DAY + dt.timedelta(days=1)
    catalogue = ecosystem()
    with running_sandbox(catalogue, tmp_path / "hub") as hub:
        environment = variables(hub, tmp_path / "data")
        first = hubscape("run", environment)
        assert first.returncode == 0, first.stderr
        published = head(hub)
        del catalogue.models[len(catalogue.models) // 2 :]
        tomorrow = {**environment, "HUBSCAPE_SNAPSHOT_DATE": next_day.isoformat()}

        second = hubscape("run", tomorrow)
        alone = publish_alone(tomorrow)

        assert second.returncode == 1
        assert "raw/models" in one_sentence(second.stderr)
        assert alone.returncode != 0
        assert head(hub) == published


def test_a_release_that_was_touched_after_its_audit_is_not_published(hub, tmp_path):
    environment = variables(hub, tmp_path / "data", HUBSCAPE_PUBLISH_REPO="")
    built = hubscape("run", environment)
    assert built.returncode == 0, built.stderr
    assert "nothing: HUBSCAPE_PUBLISH_REPO is empty" in built.stdout
    path = tmp_path / "data" / "release" / DAY.isoformat() / "data" / "fct_papers" / "fct_papers.parquet"
    pq.write_table(pq.read_table(path).slice(1), path)

    alone = publish_alone({**environment, "HUBSCAPE_PUBLISH_REPO": REPO})

    assert alone.returncode != 0
    assert "fct_papers.parquet is not the file that was listed" in alone.stdout + alone.stderr
    with pytest.raises(RepositoryNotFoundError):
        hub.api().dataset_info(REPO)


def test_a_crawl_that_was_killed_goes_on_after_the_last_whole_page(tmp_path):
    catalogue = small_catalogue(models=20_000)
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
    assert (manifest["rows"], manifest["duplicate_rows"], manifest["complete"]) == (20_000, 0, True)


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


def wait_for(condition, process: subprocess.Popen[str], seconds: float = 90) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[1][-2000:]
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_run_killed_while_dbt_builds_leaves_nothing_that_stops_the_next(hub, tmp_path):
    environment = variables(hub, tmp_path / "data")
    process = start("run", environment)
    wait_for(lambda: (tmp_path / "data" / "warehouse.duckdb").exists(), process)
    other = hubscape("run", environment)
    process.send_signal(signal.SIGKILL)
    process.communicate()

    done = hubscape("run", environment)

    assert other.returncode == 1
    assert "Another run is at work" in one_sentence(other.stderr)
    assert done.returncode == 0, done.stderr[-3000:]
    assert head(hub)


def test_a_run_with_its_own_sandbox_that_was_killed_does_not_block_the_next(tmp_path):
    environment = {
        "HUBSCAPE_DATA_DIR": str(tmp_path / "data"),
        "HUBSCAPE_SNAPSHOT_DATE": DAY.isoformat(),
        "HUBSCAPE_SANDBOX_SCALE": "0.02",
        "HUBSCAPE_PAPERS_DAYS": "20",
        "HUBSCAPE_TOP_HANDLES": "5",
    }
    process = start("run", environment)
    wait_for(lambda: list((tmp_path / "data" / "raw").glob("*/snapshot_date=*")), process)
    process.send_signal(signal.SIGKILL)
    process.communicate()

    done = hubscape("run", environment)

    assert done.returncode == 0, done.stderr[-3000:]
    assert "read back and equal byte for byte" in done.stdout


def test_a_run_that_is_told_to_stop_says_so(hub, tmp_path):
    environment = variables(hub, tmp_path / "data")
    process = start("run", environment)
    wait_for(lambda: (tmp_path / "data" / "warehouse.duckdb").exists(), process)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)

    assert process.returncode == 1
    assert one_sentence(errors) == "hubscape: The run was interrupted: run again to go on."


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


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A data folder whose raw layer lies on a disk of 400 kB."""
    raw = tmp_path / "data" / "raw"
    raw.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(raw)], capture_output=True)
    if mounted.returncode:
        pytest.skip("this user may not mount the small disk that this test fills")
    yield raw.parent
    subprocess.run(["umount", str(raw)], check=True)


def test_a_full_disk_is_one_sentence_and_the_next_run_succeeds(hub, small_disk):
    filler = small_disk / "raw" / "filler"
    filler.write_bytes(b"x" * (shutil.disk_usage(filler.parent).free - 12_000))
    full = hubscape("run", variables(hub, small_disk))

    assert full.returncode == 1
    assert "No space left on device" in one_sentence(full.stderr)
    assert not list(small_disk.glob("raw/models/snapshot_date=*"))

    filler.unlink()
    done = hubscape("run", variables(hub, small_disk))
    assert done.returncode == 0, done.stderr[-3000:]


def test_dagster_runs_the_job_without_our_command(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    environment = {
        "DAGSTER_HOME": str(home),
        "HUBSCAPE_DATA_DIR": str(tmp_path / "data"),
        "HUBSCAPE_SNAPSHOT_DATE": DAY.isoformat(),
        "HUBSCAPE_SANDBOX_SCALE": "0.02",
        "HUBSCAPE_PAPERS_DAYS": "20",
        "HUBSCAPE_TOP_HANDLES": "5",
    }
    done = subprocess.run(
        [sys.executable, "-m", "dagster", "job", "execute", "-m", "orchestration.definitions", "-j", "refresh"],
        env=clean_environment(environment),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "data" / "release" / DAY.isoformat() / "datapackage.json").is_file()
    store = tmp_path / "data" / "sandbox"
    assert any(store.rglob("*")), "nothing was published to the run's own sandbox"
