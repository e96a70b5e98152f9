"""The daily workflow, step by step with bash as its runner would: two days, each on a fresh machine."""

import datetime as dt
import json
import re
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from orchestration.sandbox.answers import Json
from orchestration.sandbox.ecosystem import synthetic_catalogue
from tests.clone import clone_environment, scratch_clone
from tests.sandbox import TOKEN, RunningSandbox, running_sandbox
from tests.support import PATIENCE, PROJECT

WORKFLOWS = PROJECT / ".github" / "workflows"
REPO = "my-org/observatory"
DAYS = [dt.date(2026, 11, 20), dt.date(2026, 11, 21)]


def document(name: str) -> dict:
    return yaml.safe_load((WORKFLOWS / name).read_text())


class TrustedPublisher:
    """In front of a sandbox: a runner's identity service, and the Hub's exchange of an identity for a token."""

    def __init__(self, app: ASGIApp) -> None:
        self.app, self.resources = app, []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive) if scope["type"] == "http" else None
        if request and request.url.path == "/identity":
            right = request.headers.get("authorization") == "Bearer of-the-runner"
            return await Json({"value": "identity"}, 200 if right else 401)(scope, receive, send)
        if request and request.url.path == "/oauth/token":
            asked = await request.json()
            self.resources.append(asked["resource"])
            right = asked["subject_token"] == "identity" and asked["resource"] == f"datasets/{REPO}"
            return await Json({"access_token": TOKEN, "expires_in": 3600}, 200 if right else 400)(scope, receive, send)
        return await self.app(scope, receive, send)


def run_job(folder: Path, hub: RunningSandbox, day: dt.date, *, first: bool, secret: str) -> list[str]:
    """Runs the steps of the job in order on a fresh machine, which must succeed; returns the output of each."""
    job = document("refresh.yml")["jobs"]["refresh"]
    clone = scratch_clone(folder)
    said = {"vars.HUBSCAPE_PUBLISH_REPO": REPO, "inputs.first": str(first).lower(), "secrets.HF_TOKEN": secret}

    def values(env: dict[str, str] | None) -> dict[str, str]:
        return {k: re.sub(r"\$\{\{ (.*?) \}\}", lambda m: said[m[1]], str(v)) for k, v in (env or {}).items()}

    kept = clone / "github-env"
    kept.touch()
    machine = {
        "HF_ENDPOINT": hub.url,
        "GITHUB_ENV": str(kept),
        "HUBSCAPE_SNAPSHOT_DATE": f"{day}",
        "HUBSCAPE_PAPERS_DAYS": "10",
        "HUBSCAPE_TOP_HANDLES": "5",
        "GITHUB_ACTIONS": "true",
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{hub.url}/identity",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-runner",
    }
    outputs = []
    for step in job["steps"]:
        if "run" not in step:
            continue
        noted = dict(line.split("=", 1) for line in kept.read_text().splitlines())
        environment = clone_environment(clone, {**machine, **values(job["env"]), **noted, **values(step.get("env"))})
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            env=environment, cwd=clone, capture_output=True, text=True, check=False, timeout=PATIENCE,
        )  # fmt: skip
        assert done.returncode == 0, (step["name"], done.stdout[-2000:], done.stderr[-2000:])
        outputs.append(done.stdout)
    return outputs


@pytest.mark.slow
def test_a_day_on_a_fresh_machine_goes_on_with_the_history_that_was_published(tmp_path):
    def hub_of(day: dt.date):
        return running_sandbox(synthetic_catalogue(seed=7, scale=0.02, date=day), tmp_path / "store")

    publishers: list[TrustedPublisher] = []
    with hub_of(DAYS[0]) as hub:
        hub.put_in_front(lambda app: publishers.append(TrustedPublisher(app)) or publishers[-1])
        first = run_job(tmp_path / "monday", hub, DAYS[0], first=True, secret="")
        missing = hub.api().list_repo_refs(REPO, repo_type="dataset")
    with hub_of(DAYS[1]) as hub:
        second = run_job(tmp_path / "tuesday", hub, DAYS[1], first=False, secret=TOKEN)
        tags = [tag.name for tag in hub.api().list_repo_refs(REPO, repo_type="dataset").tags]
        files = hub.api().list_repo_files(REPO, repo_type="dataset")
        path = next(name for name in files if name.startswith("data/fct_organization_snapshots/"))
        local = hub.api().hf_hub_download(REPO, path, repo_type="dataset", local_dir=tmp_path / "read")
        days = set(pq.read_table(local)["snapshot_date"].to_pylist())

    assert [tag.name for tag in missing.tags] == [f"snapshot-{DAYS[0]}"]
    assert publishers[0].resources == [f"datasets/{REPO}"], "the token was asked for once, for that dataset alone"
    assert f"::add-mask::{TOKEN}" in first[-1] and "new commit" in first[-1]
    assert "published  nothing" in first[-2], "the long part publishes nothing"
    assert "restored" in "".join(second) and "::add-mask::" not in "".join(second)
    assert sorted(tags) == [f"snapshot-{day}" for day in DAYS]
    assert days == set(DAYS), "the second day's release holds the first day's rows"


@pytest.mark.slow
def test_a_dataset_that_cannot_be_fetched_ends_the_job_before_anything_is_pulled(tmp_path):
    with (
        running_sandbox(synthetic_catalogue(seed=7, scale=0.01, date=DAYS[0]), tmp_path / "store") as hub,
        pytest.raises(AssertionError, match="Restore"),
    ):
        run_job(tmp_path / "machine", hub, DAYS[0], first=False, secret=TOKEN)


def test_rights_of_the_job_are_few_and_its_days_never_overlap():
    workflow = document("refresh.yml")
    job = workflow["jobs"]["refresh"]

    assert workflow["permissions"] == {"contents": "read"}
    assert job["permissions"] == {"contents": "read", "id-token": "write"}
    assert workflow["concurrency"]["cancel-in-progress"] is False
    assert job["timeout-minutes"] < 360
    holders = [step["name"] for step in job["steps"] if "secrets." in json.dumps(step)]
    assert holders == ["Publish"] and "secrets." not in json.dumps(job["env"])
    assert not any("${{" in step.get("run", "") for step in job["steps"]), "nothing is pasted into a script"


def test_actions_are_pinned_alike_in_all_workflows():
    pinned: dict[str, set[str]] = {}
    for path in WORKFLOWS.glob("*.yml"):
        for action, version in re.findall(r"uses: ([\w/-]+)@(\S+)", path.read_text()):
            pinned.setdefault(action, set()).add(version)
    assert pinned and all(len(versions) == 1 for versions in pinned.values()), pinned
