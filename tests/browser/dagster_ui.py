"""A real `dagster dev` and the ways through its pages that the tests and the screenshots take."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.hubscape import clean_environment
from tests.support import PATIENCE, PROJECT

if TYPE_CHECKING:
    from playwright.sync_api import Page

# The least made-up Hub that passes every check.
SMALL = {"HUBSCAPE_SANDBOX_SCALE": "0.05", "HUBSCAPE_PAPERS_DAYS": "30", "HUBSCAPE_TOP_HANDLES": "5"}


@dataclass(frozen=True)
class DagsterUI:
    """A Dagster that answers at `url` and keeps its data and history in `data_dir`."""

    url: str
    data_dir: Path

    @property
    def release(self) -> Path:
        """The folder of the latest release."""
        return max(path for path in (self.data_dir / "release").iterdir() if path.is_dir())

    def materialize_refresh(self, page: "Page") -> None:
        """Starts the job `refresh` by clicking and waits until the list of runs shows that it succeeded."""
        page.goto(f"{self.url}/locations/hubscape/jobs/refresh")
        page.get_by_role("button", name="Materialize all").click()
        page.get_by_text("Launched run").or_(page.get_by_role("link", name="View", exact=True)).first.wait_for()
        page.goto(f"{self.url}/runs")
        ended = page.get_by_text("Success", exact=True).or_(page.get_by_text("Failure", exact=True)).first
        ended.wait_for(timeout=PATIENCE * 1000)
        assert ended.inner_text() == "Success", f"the run of refresh ended with {ended.inner_text()}"

    def open_graph(self, page: "Page") -> None:
        """Opens the graph of all assets, a box for each layer."""
        page.goto(f"{self.url}/asset-groups")
        page.get_by_text("Materialize all").wait_for()
        page.locator("foreignObject", has_text="marts").first.wait_for()

    def open_asset(self, page: "Page", key: str) -> None:
        """Opens an asset's page."""
        page.goto(f"{self.url}/assets/{key}?view=overview")
        page.get_by_text("Latest materialization", exact=False).first.wait_for()

    def open_check(self, page: "Page", key: str, check: str) -> None:
        """Opens a check of an asset by clicking it in the list of its checks."""
        page.goto(f"{self.url}/assets/{key}?view=checks")
        page.get_by_role("link", name=check).or_(page.get_by_text(check, exact=True)).first.click()
        page.get_by_text("Evaluation result").wait_for()

    def hide_navigation(self, page: "Page") -> None:
        """Makes room by folding the navigation at the left."""
        page.get_by_text("Hide navigation").click()


@contextmanager
def running_dagster(data_dir: Path) -> Iterator[DagsterUI]:
    """Starts what `make ui` starts, on a free port, and stops every process of it when the block ends."""
    home = data_dir / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(PROJECT / "dagster.yaml", home)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "dagster", "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", f"{port}"]
    variables = {"HUBSCAPE_DATA_DIR": str(data_dir), "DAGSTER_HOME": str(home), **SMALL}
    with (data_dir / "ui.log").open("w") as log:
        process = subprocess.Popen(
            command,
            # Dagster starts its parts by their names, from where this Python lies.
            env={**clean_environment(variables), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # In the background of a shell SIGINT is ignored, which is inherited, and Dagster treats SIGTERM alike.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        try:
            _wait_until_it_answers(url, process, data_dir / "ui.log")
            yield DagsterUI(url, data_dir)
        finally:
            _stop(process)


def _wait_until_it_answers(url: str, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/server_info", timeout=5):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.5)
    raise AssertionError(f"dagster dev did not answer at {url}:\n{log.read_text()[-3000:]}")


def _stop(process: subprocess.Popen) -> None:
    """Ends a process and those it started, first by asking; raises AssertionError if it had to be killed."""
    process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and members(process.pid):
        process.poll()
        time.sleep(0.2)
    left = members(process.pid)
    if left:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not left, f"dagster dev left processes behind, now killed: {left}"


def members(session: int) -> list[str]:
    """The command lines of the processes of a session that are alive."""
    done = subprocess.run(["ps", "-s", f"{session}", "-o", "stat=,args="], capture_output=True, text=True, check=False)
    return [line for line in done.stdout.splitlines() if not line.startswith("Z")]
