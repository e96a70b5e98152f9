"""A deployment on a real PostgreSQL: the programs of the systemd units, a run asked for over GraphQL, restarts."""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from tests.hubscape import clean_environment
from tests.support import PATIENCE, PROJECT

T = TypeVar("T")
DEPLOY = PROJECT / "deploy"
PASSWORD = "a pass/word@with:signs"
LAUNCH = """mutation($name: String!) { launchRun(executionParams: {
  selector: {jobName: $name, repositoryName: "__repository__", repositoryLocationName: "hubscape"}, runConfigData: {}
}) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
LOADED = """{ workspaceOrError { ... on Workspace { locationEntries {
  locationOrLoadError { __typename } } } } }"""
STATUS = "query($id: ID!) { runOrError(runId: $id) { __typename ... on Run { status } } }"


def binaries() -> Path:
    """Where PostgreSQL's programs are; skips the test where they are not installed."""
    on_path = shutil.which("initdb")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not on_path and not found:
        pytest.skip("PostgreSQL is not installed (Debian's package postgresql): a deployment was not tried")
    return Path(on_path).resolve().parent if on_path else found[-1].parent


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Database:
    """A cluster of its own on loopback; it refuses to run as root, so root hands it to the user `postgres`."""

    def __init__(self, folder: Path) -> None:
        self.bin, self.folder, self.port = binaries(), folder, free_port()
        self.prefix = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        if self.prefix:
            shutil.chown(folder, "postgres")
        secret = folder / "secret"
        secret.write_text(PASSWORD)
        if self.prefix:
            shutil.chown(secret, "postgres")
        self.call("initdb", "-D", f"{folder}/data", "-U", "dagster", "-A", "scram-sha-256", f"--pwfile={secret}")
        self.start()
        self.call("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "dagster", "dagster")

    def call(self, program: str, *words: str) -> str:
        command = [*self.prefix, "env", f"PGPASSWORD={PASSWORD}", str(self.bin / program), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def control(self, *words: str) -> None:
        # Its output goes to a file: the server keeps what it is given open.
        command = [*self.prefix, str(self.bin / "pg_ctl"), "-D", f"{self.folder}/data", "-w", *words]
        null = subprocess.DEVNULL
        subprocess.run(command, stdout=null, stderr=null, check=True, cwd=self.folder, timeout=PATIENCE)

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}"
        self.control("-l", f"{self.folder}/log", "-o", options, "start")

    def stop(self) -> None:
        self.control("-m", "fast", "stop")

    def ask(self, sql: str) -> str:
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "dagster", "-d", "dagster"]
        return self.call("psql", *where, "-At", "-c", sql).strip()


@pytest.fixture
def database() -> Iterator[Database]:
    folder = Path(tempfile.mkdtemp(prefix="hubscape-postgres-"))  # not below pytest's own, which is closed to others
    running = Database(folder)
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder)


@contextmanager
def program(unit: str, environment: dict[str, str], port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Starts what a systemd unit starts, with this project in place of /opt/hubscape."""
    text = (DEPLOY / "systemd" / f"hubscape-{unit}.service").read_text()
    line = re.search(r"^ExecStart=(.*)$", text, re.MULTILINE)[1]
    line = re.sub(r"\$\{(\w+)\}", lambda found: environment[found[1]], line)
    line = line.replace("/opt/hubscape/.venv/bin", str(Path(sys.executable).parent)).replace("-p 3000", f"-p {port}")
    with log.open("ab") as out:
        process = subprocess.Popen(shlex.split(line), env=environment, cwd=PROJECT, stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def eventually(ask: Callable[[], T], log: Path) -> T:
    """The first answer that is true; the program's own words where none comes."""
    ends = time.monotonic() + PATIENCE
    while True:
        try:
            if answer := ask():
                return answer
        except OSError:
            pass
        assert time.monotonic() < ends, log.read_text()[-3000:]
        time.sleep(1)


def graphql(port: int, query: str, **variables: str) -> dict:
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/graphql", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)["data"]


def loaded(port: int) -> bool:
    """Whether the web server knows the definitions."""
    return "RepositoryLocation" in str(graphql(port, LOADED))


def refresh(port: int, log: Path) -> str:
    """Launches the job and waits until it has succeeded; returns the run's id."""
    launched = eventually(lambda: graphql(port, LAUNCH, name="refresh").get("launchRun"), log)
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run_id = launched["run"]["runId"]

    def status() -> str | None:
        told = graphql(port, STATUS, id=run_id)["runOrError"]["status"]
        return told if told in {"SUCCESS", "FAILURE", "CANCELED"} else None

    assert eventually(status, log) == "SUCCESS", log.read_text()[-3000:]
    return run_id


@pytest.mark.slow
def test_runs_of_a_deployment_live_in_postgresql_and_survive_restarts(database, tmp_path):
    home, log, web = tmp_path / "dagster", tmp_path / "log", free_port()
    home.mkdir()
    shutil.copy(DEPLOY / "dagster.yaml", home)
    environment = clean_environment(
        {
            "PYTHONPATH": str(PROJECT),
            "DAGSTER_HOME": str(home),
            "DAGSTER_PG_HOST": "127.0.0.1",
            "DAGSTER_PG_PORT": str(database.port),
            "DAGSTER_PG_DB": "dagster",
            "DAGSTER_PG_USERNAME": "dagster",
            "DAGSTER_PG_PASSWORD": PASSWORD,
            "DAGSTER_CODE_HOST": "127.0.0.1",
            "DAGSTER_CODE_PORT": str(free_port()),
            "HUBSCAPE_DATA_DIR": str(tmp_path / "data"),
            "HUBSCAPE_SANDBOX_SCALE": "0.02",
            "HUBSCAPE_PAPERS_DAYS": "5",
            "HUBSCAPE_TOP_HANDLES": "5",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
    )
    with ExitStack() as programs:
        programs.enter_context(program("code", environment, web, log))
        programs.enter_context(program("web", environment, web, log))
        with program("daemon", environment, web, log):
            eventually(lambda: loaded(web), log)
            first = refresh(web, log)
        assert database.ask(f"select status from runs where run_id = '{first}'") == "SUCCESS"
        assert int(database.ask(f"select count(*) from event_logs where run_id = '{first}'")) > 50
        assert not list(home.rglob("*.db")), "nothing of the history lies in files"
        database.stop()
        database.start()
        with program("daemon", environment, web, log):
            second = refresh(web, log)
        assert database.ask("select count(*) from runs where status = 'SUCCESS'") == "2"
        assert first != second
        # The connection that the restart broke may have cost the web server a launch, which was then asked for again.
        unfinished = database.ask(
            "select left(run_id, 8) from runs where status in ('NOT_STARTED', 'QUEUED', 'STARTING', 'STARTED')"
        ).split()
        done = subprocess.run(
            [sys.executable, "-m", "orchestration.cli", "doctor"],
            env=environment, cwd=PROJECT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        assert ("none unfinished" in done.stdout) == (not unfinished)
        assert all(run_id in done.stdout for run_id in unfinished)
    assert PASSWORD not in log.read_text() + done.stdout + done.stderr
