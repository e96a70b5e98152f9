"""Runs a program in a process of its own and tells how long it took and how much memory it and its children held.

Belongs here: processes, seconds and bytes. Not: what is measured (one module a question) or how it is told (report).
A program writes what it found as JSON on its last line of output: `answer`, which peers must agree on, `rows`,
`work_seconds`, the time without the start of Python and imports, `work_cpu_seconds`, that of the processor in it, and
`aside_seconds`, the time it took only to tell the answer, which no figure counts.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_POLL_SECONDS = 0.02


class BenchmarkFailed(RuntimeError):
    """A program failed or peers disagree; the text is one sentence."""


@dataclass(frozen=True)
class Program:
    """What is run: `name` as the table calls it, the command, and variables added to a bare environment.

    `most_runs` bounds the runs of a peer that takes minutes; the table tells how many there were.
    """

    name: str
    command: Sequence[str]
    variables: Mapping[str, str] = field(default_factory=dict)
    most_runs: int | None = None


@dataclass
class Measured:
    """Runs of one program: seconds, of the processor too, and peak bytes of each, and what its last run said."""

    name: str
    seconds: list[float] = field(default_factory=list)
    work_seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    work_cpu_seconds: list[float] = field(default_factory=list)
    peak_bytes: list[int] = field(default_factory=list)
    said: dict[str, Any] = field(default_factory=dict)
    agrees: bool = False  # with another program, whose result was found to be the same

    @property
    def median_seconds(self) -> float:
        """Median wall time of the whole process."""
        return statistics.median(self.seconds)

    @property
    def median_work_seconds(self) -> float:
        """Median wall time without start and imports; that of the whole process where a program does not tell."""
        return statistics.median(self.work_seconds or self.seconds)

    @property
    def median_cpu_seconds(self) -> float:
        """Median seconds of the processor, of the whole process and its children."""
        return statistics.median(self.cpu_seconds)

    @property
    def peak(self) -> int:
        """Median of the peaks, in bytes."""
        return int(statistics.median(self.peak_bytes))

    @property
    def rows(self) -> int:
        """Rows that the program went through."""
        return int(self.said.get("rows", 0))

    @property
    def seconds_a_row(self) -> float:
        """Median work seconds for a row."""
        return self.median_work_seconds / max(1, self.rows)

    @property
    def cpu_seconds_a_row(self) -> float:
        """Median seconds of the processor for a row, of the work alone."""
        return statistics.median(self.work_cpu_seconds) / max(1, self.rows)


def python(module: str, *words: str) -> list[str]:
    """The command that runs a module of this project."""
    return [sys.executable, "-m", module, *words]


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """A bare environment: the variables and what a process cannot do without."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    quiet = {"DO_NOT_TRACK": "1", "GX_ANALYTICS_ENABLED": "false", "HF_HUB_DISABLE_TELEMETRY": "1"}
    return {**kept, **quiet, "PYTHONPATH": str(PROJECT), "HF_HUB_DISABLE_PROGRESS_BARS": "1", **variables}


PROJECT = Path(__file__).resolve().parent.parent


def run(program: Program, into: Measured) -> None:
    """Runs it once and adds what was measured.

    Raises:
        BenchmarkFailed: it ends with another code than 0.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        started = time.perf_counter()
        process = subprocess.Popen(
            list(program.command), stdout=out, stderr=err, stdin=subprocess.DEVNULL, cwd=PROJECT,
            env=environment(program.variables),
        )  # fmt: skip
        peak, ended = [0], threading.Event()
        watcher = threading.Thread(target=_watch, args=(process.pid, peak, ended), daemon=True)
        watcher.start()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        ended.set()
        watcher.join()
        out.seek(0)
        err.seek(0)
        lines = out.read().strip().splitlines()
        if process.returncode:
            said = " ".join([*lines[-40:], *err.read().strip().splitlines()[-6:]])
            raise BenchmarkFailed(f"{program.name} ended with code {process.returncode}: {said[-3000:]}")
    into.peak_bytes.append(peak[0])
    into.cpu_seconds.append(used.ru_utime + used.ru_stime)
    if lines and lines[-1].startswith("{"):
        into.said = json.loads(lines[-1])
        seconds -= into.said.get("aside_seconds", 0.0)
        if "work_seconds" in into.said:
            into.work_seconds.append(into.said["work_seconds"])
        if "work_cpu_seconds" in into.said:
            into.work_cpu_seconds.append(into.said["work_cpu_seconds"])
    into.seconds.append(seconds)


def say(**found: Any) -> None:
    """Ends a measured program: writes what it found as its last line."""
    sys.stdout.write(json.dumps(found, default=str) + "\n")


def _watch(root: int, peak: list[int], ended: threading.Event) -> None:
    # The kernel's own high-water mark for each, since the most may be held between two looks; not the one that is told
    # of an ended child, which counts what its parent held before it.
    while not ended.wait(_POLL_SECONDS):
        pids = _tree(root)
        held = [_resident(pid) for pid in pids]
        peak[0] = max(peak[0], sum(now for now, _ in held), max(most for _, most in held))


def _tree(root: int) -> list[int]:
    pids = [root]
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                pids += map(int, task.read_text().split())
            except OSError:  # it ended meanwhile
                continue
    return pids


def _resident(pid: int) -> tuple[int, int]:
    """Bytes that a process holds now and held at most."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it ended meanwhile
        return 0, 0
    sizes = dict(line.split(":", 1) for line in status.splitlines() if line.startswith(("VmRSS", "VmHWM")))
    now, most = (int(sizes.get(name, "0").split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
    return now, most
