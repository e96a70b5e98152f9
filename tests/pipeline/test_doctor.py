"""`hubscape doctor`: the real command against a sandbox Hub over HTTP, and its judgements one by one."""

import datetime as dt
import fcntl
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from orchestration.commands.doctor import clock_skew, disk_space, packages, python_version, quota_left, token_rights
from tests.bulk import REPO, commit_files, write_folder
from tests.contracts.hostile_server import Reply, hostile_hub
from tests.hubscape import hubscape
from tests.sandbox import TOKEN, running_sandbox, small_catalogue

GIB = 2**30
NOON = dt.datetime(2026, 10, 1, 12, tzinfo=dt.UTC)


def doctor(folder: Path, url: str, token: str = TOKEN, **more: str) -> subprocess.CompletedProcess[str]:
    variables = {"HUBSCAPE_SOURCE": "api", "HF_ENDPOINT": url, "HF_TOKEN": token, "HUBSCAPE_DATA_DIR": str(folder)}
    return hubscape("doctor", {**variables, **more})


def verdict(done: subprocess.CompletedProcess[str], about: str) -> str:
    line = next(line for line in done.stdout.splitlines() if line.startswith(f"{about}  "))
    return line.removeprefix(about).split()[0]


def snapshot_of(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_a_sandbox_that_is_not_started_yet_is_no_problem_and_nothing_is_written(tmp_path):
    done = hubscape("doctor", {"HUBSCAPE_DATA_DIR": str(tmp_path / "data")})

    assert done.returncode == 0, done.stdout + done.stderr
    assert "there is no Hub to ask" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_hub_is_asked_for_token_quota_and_time(tmp_path):
    with running_sandbox(small_catalogue(models=3), tmp_path / "store", quota=10) as hub:
        good = doctor(tmp_path / "data", hub.url, HUBSCAPE_PUBLISH_REPO="my-org/observatory")
        wrong = doctor(tmp_path / "data", hub.url, token="hf_another_token")
        anonymous = doctor(tmp_path / "data", hub.url, token="")
        for _ in range(4):
            doctor(tmp_path / "data", hub.url)
        low = doctor(tmp_path / "data", hub.url)
        for _ in range(3):
            doctor(tmp_path / "data", hub.url)
        used_up = doctor(tmp_path / "data", hub.url)
        asked = hub.requests

    assert good.returncode == 0, good.stdout
    assert "may write my-org/observatory" in good.stdout and "9 of 10 requests left" in good.stdout
    assert [verdict(good, about) for about in ("token", "quota", "clock")] == ["ok"] * 3
    assert (wrong.returncode, verdict(wrong, "token")) == (1, "problem")
    assert "Problems with: token." in wrong.stderr
    assert (anonymous.returncode, verdict(anonymous, "token")) == (0, "ok")
    assert (low.returncode, verdict(low, "quota")) == (0, "warning")
    assert (used_up.returncode, verdict(used_up, "quota")) == (1, "problem")
    for done in (good, wrong, anonymous, low, used_up):
        assert not any(token in done.stdout + done.stderr for token in (TOKEN, "hf_another_token"))
    assert len(asked) == 12, "one question a doctor"


@pytest.mark.parametrize("about", ["rights", "clock", "nobody"])
def test_a_hub_that_answers_otherwise(tmp_path, about):
    who = {"name": "some\x1b[31mone", "orgs": [], "auth": {"accessToken": {"role": "read"}}}
    late = {"Date": "Wed, 01 Jan 2020 00:00:00 GMT"} if about == "clock" else {}
    with hostile_hub(lambda ask: Reply(who, headers=late)) as hub:
        url = hub.url
        if about != "nobody":
            done = doctor(tmp_path, url, HUBSCAPE_PUBLISH_REPO="a/b")
    if about == "nobody":
        done = doctor(tmp_path, url)

    assert done.returncode == 1 and "\x1b" not in done.stdout and "Traceback" not in done.stderr
    if about == "rights":
        assert verdict(done, "token") == "problem" and "may not write a/b" in done.stdout
    elif about == "clock":
        assert verdict(done, "clock") == "problem"
    else:
        assert verdict(done, "hub") == "problem"


def test_a_dump_is_looked_at_and_a_folder_needs_no_hub(tmp_path):
    nowhere, dump = (
        "http://127.0.0.1:9",
        write_folder(tmp_path / "dump", {"models.parquet": b"", "spaces.parquet": b""}),
    )
    address = "https://huggingface.co/datasets/cfahlgren1/hub-stats"

    def looked(source: str | Path, url: str = nowhere) -> subprocess.CompletedProcess[str]:
        return doctor(tmp_path / "data", url, HUBSCAPE_SOURCE="bulk", HUBSCAPE_BULK_SOURCE=str(source))

    good, wrong, unheard = looked(dump), looked(address), looked("cfahlgren1/hub-stats")
    (dump / "models.parquet").unlink()
    other = looked(dump)
    with running_sandbox(small_catalogue(models=3), tmp_path / "store") as hub:
        commit_files(hub.app.state.store, {"models.parquet": b"", "data/daily_papers.parquet": b""}, NOON)
        repo, nobody = looked(REPO, hub.url), looked("somebody/nothing", hub.url)

    assert good.returncode == 0, good.stdout
    assert "none is needed" in good.stdout and f"{dump} has models, spaces" in good.stdout
    assert (repo.returncode, verdict(repo, "dump")) == (0, "ok") and f"{REPO} has models, daily_papers" in repo.stdout
    for done, about in ((wrong, "dump"), (other, "dump"), (nobody, "dump"), (unheard, "hub, dump")):
        assert (done.returncode, verdict(done, "dump")) == (1, "problem")
        assert f"Problems with: {about}." in done.stderr and "HUBSCAPE_BULK_SOURCE" in done.stdout
    assert "huggingface.co/datasets/cfahlgren1/hub-stats" in wrong.stdout


def test_locks_leftovers_and_a_full_folder_of_somebody_else(tmp_path):
    (tmp_path / "tmp" / "restore-x").mkdir(parents=True)
    (tmp_path / "release" / ".building-2026-11-20").mkdir(parents=True)
    (tmp_path / "run.lock").touch()
    left = hubscape("doctor", {"HUBSCAPE_DATA_DIR": str(tmp_path)})
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")):
        held = hubscape("doctor", {"HUBSCAPE_DATA_DIR": str(tmp_path)})
        before = snapshot_of(tmp_path)
        with (tmp_path / "run.lock").open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            at_work = hubscape("doctor", {"HUBSCAPE_DATA_DIR": str(tmp_path)})
        assert snapshot_of(tmp_path) == before, "it changes nothing"

    assert (left.returncode, verdict(left, "leftovers")) == (0, "warning") and "2 leftovers" in left.stdout
    assert (held.returncode, verdict(held, "warehouse")) == (1, "problem")
    assert (at_work.returncode, verdict(at_work, "run lock")) == (0, "warning")
    assert "warehouse " not in at_work.stdout, "a run at work holds it by right"


def test_a_variable_that_cannot_be_used_is_wrong_use():
    assert hubscape("doctor", {"HUBSCAPE_MEMORY_LIMIT": "much"}).returncode == 2
    assert hubscape("doctor", {}, "--loud").returncode == 2


def test_an_unfinished_run_of_the_history_is_told(tmp_path):
    code = (
        "import sys, pathlib, dagster as dg\n"
        "from dagster._core.storage.dagster_run import DagsterRun, DagsterRunStatus\n"
        "home = pathlib.Path(sys.argv[1]); home.mkdir()\n"
        "(home / 'dagster.yaml').write_text('telemetry: {enabled: false}')\n"
        "with dg.DagsterInstance.from_config(str(home)) as instance:\n"
        "    instance.add_run(DagsterRun(job_name='refresh', status=DagsterRunStatus.STARTED))\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "dagster")], check=True)
    done = hubscape("doctor", {"HUBSCAPE_DATA_DIR": str(tmp_path)})

    assert (done.returncode, verdict(done, "runs")) == (0, "warning") and "STARTED" in done.stdout


def rights(role: str, *orgs: tuple[str, str], scoped: list[dict] | None = None) -> str:
    token = {"role": role, "fineGrained": {"scoped": scoped or []}}
    who = {"name": "me", "orgs": [{"name": n, "roleInOrg": r} for n, r in orgs], "auth": {"accessToken": token}}
    return token_rights(who, "Org/data").verdict


def test_rights_of_a_token():
    dataset = {"entity": {"type": "dataset", "name": "Org/data"}, "permissions": ["repo.write"]}
    assert rights("write", ("org", "write")) == rights("write", ("Org", "admin")) == "ok"
    assert rights("write") == rights("write", ("org", "read")) == rights("read", ("org", "admin")) == "problem"
    assert rights("write", ("org", "contributor")) == rights("something new") == "warning"
    assert rights("fineGrained", scoped=[dataset]) == "ok"
    assert rights("fineGrained", scoped=[{**dataset, "permissions": ["repo.content.read"]}]) == "problem"
    assert rights("fineGrained", scoped=[{**dataset, "entity": {"name": "else/data"}}]) == "problem"
    assert token_rights({"name": "me", "auth": {"accessToken": {"role": "read"}}}, "").verdict == "ok"


def test_judgements():
    now = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)
    assert clock_skew("Wed, 25 Nov 2026 12:00:30 GMT", now).verdict == "ok"
    assert clock_skew("Wed, 25 Nov 2026 11:58:30 GMT", now).found == "90 s ahead of the Hub's"
    assert clock_skew("Wed, 25 Nov 2026 12:02:00 GMT", now).verdict == "warning"
    assert clock_skew("Wed, 25 Nov 2026 13:00:00 GMT", now).verdict == "problem"
    assert clock_skew("", now).verdict == clock_skew("soon", now).verdict == "warning"
    assert [disk_space(free * GIB, GIB, 9 * GIB).verdict for free in (1, 3, 5)] == ["problem", "warning", "ok"]
    assert [disk_space(free * GIB, 0, 9 * GIB).verdict for free in (8, 10, 18)] == ["problem", "warning", "ok"]
    assert [quota_left(500, left, 0.8).verdict for left in (0, 100, 101)] == ["problem", "warning", "ok"]
    assert quota_left(None, None, 0.8).verdict == "ok"
    assert [python_version(v).verdict for v in ((3, 10), (3, 11), (3, 12), (3, 13))] == [
        "problem",
        "ok",
        "ok",
        "problem",
    ]
    lock = "duckdb==2.0.0 \\\n    --hash=sha256:00\n    # via x\nold==1 ; python_full_version < '3.0' \\\n"
    assert packages(lock, {"duckdb": "2.0.0"}).verdict == "ok"
    assert packages(lock, {"duckdb": "2.0.1"}).found == "duckdb 2.0.1 instead of 2.0.0"
    assert packages(lock, {"duckdb": "2.0.1"}).verdict == "problem"
    assert packages(lock, {}).verdict == packages("", {}).verdict == "warning"
