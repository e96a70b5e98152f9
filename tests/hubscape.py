"""Runs the `hubscape` command as people do: a process of its own, with nothing of the test's environment but PATH."""

import os
import subprocess
import sys
from collections.abc import Mapping

from click.testing import Result
from typer.testing import CliRunner

from orchestration.cli import app
from tests.support import PATIENCE, PROJECT


def clean_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables given and those that a process cannot do without."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "DO_NOT_TRACK": "1", **variables}


def start(command: str, variables: Mapping[str, str], *words: str) -> subprocess.Popen[str]:
    """Starts a command; the caller waits for it or kills it."""
    return subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", command, *words],
        env=clean_environment(variables),
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def hubscape(command: str, variables: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
    process = start(command, variables, *words)
    try:
        out, err = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"hubscape {command} did not end in {PATIENCE} s:\n{err[-3000:]}") from None
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def in_process(command: str, variables: Mapping[str, str], *words: str) -> Result:
    """Runs a command in this process, where what it answers matters and how it starts and ends does not."""
    return CliRunner().invoke(app, [command, *words], env=variables)


def dagster(variables: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Runs a command of Dagster on the definitions, without ours."""
    return subprocess.run(
        [sys.executable, "-m", "dagster", *words, "-m", "orchestration.definitions"],
        env=clean_environment(variables),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
