"""Thirty days filled whole from a history with gaps, killed twice, beside runs of each day alone: `python -m
tests.thirty_days` (about ten minutes on two cores, which is why the suite does it with two days).

Prints what it finds, and ends with exit code 1 where a day is missing, too many, or not equal byte for byte.
"""

import os
import shutil
import signal
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from orchestration.sandbox.ecosystem import synthetic_catalogue
from tests.hubscape import hubscape, start
from tests.pipeline.test_backfill import (
    DAYS,
    GAPS,
    PRESENT,
    SCALE,
    put,
    put_early,
    same_tree,
    variables,
    wait_until,
)
from tests.sandbox import RunningSandbox, running_sandbox

KILLED_AFTER = (5, 14)  # releases


def filled(hub: RunningSandbox, data_dir: Path) -> list[str]:
    """The days that have a release once the backfill was killed twice and then left alone."""
    words = ("--from", f"{DAYS[0]}", "--to", f"{DAYS[-1]}")
    for releases in KILLED_AFTER:
        process = start("backfill", variables(hub, data_dir), *words)
        wait_until(lambda at=releases: len(list(data_dir.glob("release/2*"))) == at, process, seconds=1800)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        print(f"killed with {releases} releases there", flush=True)
    last = start("backfill", variables(hub, data_dir), *words)
    said, errors = last.communicate(timeout=3600)
    print(said, flush=True)
    if last.returncode:
        sys.exit(errors[-3000:])
    return sorted(path.name for path in data_dir.glob("release/2*"))


def alone(hub: RunningSandbox, data_dir: Path) -> None:
    """Runs each day that exists by itself, in order."""
    for day in PRESENT:
        run = hubscape("run", variables(hub, data_dir, HUBSCAPE_SNAPSHOT_DATE=f"{day}"))
        if run.returncode:
            sys.exit(f"{day}: {run.stderr[-3000:]}")
        print(f"{day} run alone", flush=True)


def main() -> int:
    """0 where both ways give the same days and bytes."""
    folder = Path(tempfile.mkdtemp(prefix="thirty-days-"))
    try:
        with (
            running_sandbox(synthetic_catalogue(scale=SCALE, date=DAYS[-1]), folder / "hub") as hub,
            ThreadPoolExecutor(2) as both,
        ):
            for number, day in enumerate(PRESENT):
                if number % 8 == 0:
                    put_early(hub, day)
                put(hub, day, 20)
            one, other = both.submit(filled, hub, folder / "data"), both.submit(alone, hub, folder / "alone")
            days, _ = one.result(), other.result()
        is_exact = days == [f"{day}" for day in PRESENT]
        equal = [same_tree(folder / "data" / part, folder / "alone" / part) for part in ("raw", "release")]
        print(f"{len(days)} of {len(DAYS)} days, {len(GAPS)} gaps: exactly those that exist: {is_exact}")
        print(f"raw equal byte for byte: {equal[0]}; releases equal byte for byte: {equal[1]}")
        return 0 if is_exact and all(equal) else 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
