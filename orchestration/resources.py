"""What assets are handed at run time: the settings of the run and a Hub to talk to."""

import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field, PrivateAttr

from orchestration.bulk import needs_hub
from orchestration.hub.session import HubError, HubSession, Limits
from orchestration.settings import PROJECT_DIR, Settings, load_settings

# DuckDB takes one writing process. dagster.yaml gives every pool a limit of one.
WAREHOUSE_POOL = "warehouse"
_SANDBOX_START_SECONDS = 60


class SettingsResource(dg.ConfigurableResource):
    """The settings of one run, read once, so that a run that passes midnight keeps its snapshot date."""

    overrides: dict[str, Any] = Field(default_factory=dict)
    _settings: Settings | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Reads the environment at the start of the run."""
        self._settings = load_settings(**self.overrides)

    @property
    def value(self) -> Settings:
        """The settings of this run."""
        if self._settings is None:
            self._settings = load_settings(**self.overrides)
        return self._settings


class HubResource(dg.ConfigurableResource):
    """A Hub: the one at HF_ENDPOINT, or for source `sandbox` one that lives as long as the run does."""

    settings: dg.ResourceDependency[SettingsResource]
    _endpoint: str = PrivateAttr(default="")

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["HubResource"]:
        """Starts a sandbox where the settings ask for one, and stops it at the end of the run."""
        settings = self.settings.value
        if not settings.starts_sandbox:
            self._endpoint = settings.hub_endpoint
            if needs_hub(settings):
                # Asked before anything else, so that a Hub that is down or refuses the token fails the run at once.
                HubSession(self.endpoint, self.token, limits=Limits(max_retries=2)).identify()
            yield self
            return
        with sandbox_process(settings) as endpoint:
            self._endpoint = endpoint
            yield self

    @property
    def endpoint(self) -> str:
        """Address of the Hub."""
        return self._endpoint

    @property
    def token(self) -> str | None:
        """Token to send to the Hub, None for anonymous reading."""
        return self.settings.value.hub_token

    def session(self) -> HubSession:
        """A session for one crawl, with its own deadline and request count."""
        limits = Limits(deadline_seconds=self.settings.value.crawl_deadline_seconds)
        return HubSession(self.endpoint, self.token, limits=limits)


@contextmanager
def sandbox_process(settings: Settings) -> Iterator[str]:
    """Runs `hubscape sandbox` in a process of its own and yields its address.

    Raises:
        HubError: the sandbox does not come up; its own words are in the text.
    """
    command = [sys.executable, "-m", "orchestration.cli", "sandbox", "--port", "0"]
    command += ["--data-dir", str(settings.data_dir / "sandbox"), "--date", settings.snapshot_date.isoformat()]
    command += ["--seed", str(settings.sandbox_seed), "--scale", str(settings.sandbox_scale)]
    # It stops when its standard input closes, which happens however this process ends.
    command.append("--while-stdin-is-open")
    log_path = settings.data_dir / "sandbox.log"
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("w") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, cwd=PROJECT_DIR
        )
        try:
            yield _address(process, log_path)
        finally:
            process.terminate()
            try:
                process.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


def _address(process: subprocess.Popen[str], log_path: Path) -> str:
    assert process.stdout is not None  # it is a pipe
    ready, _, _ = select.select([process.stdout], [], [], _SANDBOX_START_SECONDS)
    line = process.stdout.readline() if ready else ""
    if line.startswith("Sandbox Hub: "):
        return line.removeprefix("Sandbox Hub: ").split()[0]
    process.kill()
    words = (log_path.read_text().strip().splitlines() or ["it said nothing"])[-1]
    raise HubError(f"The sandbox Hub did not start: {words.removeprefix('hubscape: ')}")
