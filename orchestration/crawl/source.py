"""Where a run's raw rows come from: the Hub that is asked, what its snapshots are called, what was judged before."""

import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from orchestration.hub.bulk import is_repo
from orchestration.hub.session import HubError, HubSession, Limits
from orchestration.lake.manifest import Manifest
from orchestration.settings import PROJECT_DIR, Settings

_SANDBOX_START_SECONDS = 60
Say = Callable[[str], None]
"""Takes a line for people on how the work goes."""


@dataclass(frozen=True)
class HubAccess:
    """A Hub to read from and publish to; `label` is what it calls itself, where that was asked before."""

    endpoint: str
    token: str | None
    label: str | None = None

    def session(self, settings: Settings, **limits: int) -> HubSession:
        """A session for one crawl, with its own deadline and request count."""
        allowed = Limits(deadline_seconds=settings.crawl_deadline_seconds, **limits)
        return HubSession(self.endpoint, self.token, limits=allowed)


@dataclass(frozen=True)
class Gate:
    """What a crawl asks of the checks, which are above it: `checks.gates` has the answers, each for settings and table.

    `held_snapshot` is the day's snapshot if it is to be kept, `last_accepted` the newest earlier one that was not
    refused, `is_refused` whether the day's was.
    """

    held_snapshot: Callable[..., Manifest | None]
    last_accepted: Callable[[Settings, str], Manifest | None]
    is_refused: Callable[[Settings, str], bool]


def source_label(settings: Settings, session: HubSession) -> str:
    """What the snapshots of a run say they come from; of a bulk source the same for all of them, crawled ones too.

    Raises:
        HubError: the Hub does not answer, unless the source is a folder.
    """
    if settings.source != "bulk":
        return session.identify()
    if not is_repo(settings.bulk_source):
        return "a local folder"
    return f"{settings.bulk_source} of {session.identify()}"


def needs_hub(settings: Settings) -> bool:
    """Whether a run can do nothing without its Hub: only a bulk folder that is not published needs none."""
    return settings.source != "bulk" or is_repo(settings.bulk_source) or bool(settings.publish_to)


@contextmanager
def open_hub(settings: Settings, meanwhile: Callable[[], None] = lambda: None) -> Iterator[HubAccess]:
    """The Hub of the settings; where there is none a sandbox runs for the block, and `meanwhile` is done as it starts.

    Raises:
        HubError: the sandbox does not come up; its own words are in the text.
    """
    if not settings.starts_sandbox:
        yield HubAccess(settings.hub_endpoint, settings.hub_token)
        return
    # It stops when its standard input closes, which happens however this process ends.
    command = [sys.executable, "-m", "orchestration.cli", "sandbox", "--while-stdin-is-open", "--port=0"]
    command += [f"--data-dir={settings.data_dir / 'sandbox'}", f"--date={settings.snapshot_date}"]
    command += [f"--seed={settings.sandbox_seed}", f"--scale={settings.sandbox_scale}"]
    log_path = settings.data_dir / "sandbox.log"
    log_path.parent.mkdir(parents=True, exist_ok=True)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with log_path.open("w") as log, subprocess.Popen(command, stderr=log, cwd=PROJECT_DIR, **pipes) as process:
        try:
            meanwhile()
            yield HubAccess(_address(process, log_path), settings.hub_token)
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
            process.kill()  # unless it has ended


def _address(process: subprocess.Popen[str], log_path: Path) -> str:
    ready, _, _ = select.select([process.stdout], [], [], _SANDBOX_START_SECONDS)
    line = process.stdout.readline() if ready else ""
    if line.startswith("Sandbox Hub: "):
        return line.removeprefix("Sandbox Hub: ").split()[0]
    words = (log_path.read_text().strip().splitlines() or ["it said nothing"])[-1]
    raise HubError(f"The sandbox Hub did not start: {words.removeprefix('hubscape: ')}")
