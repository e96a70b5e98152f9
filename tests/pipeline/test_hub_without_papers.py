"""A Hub that has no daily papers and withholds an organization: the whole job runs, and the release says so."""

import json
from pathlib import Path

import pytest
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.days import SECOND, made_up
from tests.machine import Machine
from tests.sandbox import running_sandbox

_REFUSED = {"/api/daily_papers": 404, "/api/organizations/qwen/overview": 451}


def refusing(app: ASGIApp) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        status = _REFUSED.get(scope.get("path", "").lower())
        await (JSONResponse({"error": "none here"}, status) if status else app)(scope, receive, send)

    return answer


@pytest.mark.slow
def test_a_hub_without_daily_papers_that_withholds_an_organization_becomes_a_release(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "data")
    with running_sandbox(made_up(SECOND), tmp_path / "hub") as hub:
        hub.put_in_front(refusing)
        machine.run(hub.url, SECOND)

    manifests = {
        table: json.loads((tmp_path / f"data/raw/{table}/snapshot_date={SECOND}/_manifest.json").read_text())
        for table in ("daily_papers", "organizations")
    }
    assert manifests["daily_papers"]["not_found"] == ["/api/daily_papers"]
    assert "Qwen (status 451)" in manifests["organizations"]["not_found"]
    assert machine.table(SECOND, "fct_papers") == [] and machine.table(SECOND, "dim_repos") != []
    warned = {
        (row["table_name"], row["check_name"])
        for row in machine.table(SECOND, "rpt_data_quality")
        if row["verdict"] == "warned"
    }
    assert ("organizations", "organization_not_found") in warned
    package = json.loads((tmp_path / f"data/release/{SECOND}/datapackage.json").read_text())
    assert "table_observed" in json.dumps(package)
