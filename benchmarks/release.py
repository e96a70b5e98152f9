"""What does it cost to release, audit, publish and read back?

Ours alone: the release of a built warehouse, its audit and suite, one commit on a sandbox Hub in a process of its own,
and the fresh download that verifies it. The sandbox is not counted. No peer.
"""

import argparse
import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

from benchmarks.bench import DAY, Bench, Finding, Verdict, fresh_copy, stopwatch
from benchmarks.dbt_build import WAREHOUSE, built
from benchmarks.measure import PROJECT, BenchmarkFailed, Program, environment, python, say

_REPO = "hubscape-sandbox/observatory"


def measure(bench: Bench) -> Finding:
    """Measures from the warehouse to the verified publication, into an empty repo each time."""
    data = released(bench)
    store = bench.scratch / "sandbox-store"
    copy = bench.scratch / "release"
    shutil.rmtree(store, ignore_errors=True)

    def ready() -> None:
        shutil.rmtree(copy, ignore_errors=True)
        # The warehouse is opened read-only, raw files and verdicts are only read, and the release is made again.
        fresh_copy(data, copy)
        shutil.rmtree(copy / "release")

    with sandbox(store) as url:
        (ours,) = bench.compare(
            [Program("hubscape release to publication", python("benchmarks.release", "publish", str(copy), url))],
            before=ready,
        )
    for folder in (copy, store):
        shutil.rmtree(folder, ignore_errors=True)
    steps = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in ours.said["steps"].items())
    return Finding(
        "release: release, audit, publish to the sandbox, read back",
        [ours],
        [
            Verdict("seconds", ours.median_seconds, 40, "s"),
            Verdict("peak memory", ours.peak / 2**20, 2048, "MiB"),
        ],
        [f"{ours.said['files']} files, {ours.said['bytes'] / 2**20:.0f} MiB; in the last run: {steps}."],
    )


def released(bench: Bench) -> Path:
    """A data folder with lake, warehouse, verdicts and release."""
    start = built(bench)

    def make(folder: Path) -> None:
        fresh_copy(start, folder)
        bench.compare([Program("gates and release", python("benchmarks.release", "make", str(folder)))], runs=1)

    return bench.made("released", make)


@contextlib.contextmanager
def sandbox(store: Path) -> Iterator[str]:
    """The address of a sandbox Hub with a small made-up ecosystem, for as long as the block lasts."""
    process = subprocess.Popen(
        python(
            "orchestration.cli", "sandbox", "--port", "0", "--data-dir", str(store), "--scale", "0.001",
            "--date", DAY.isoformat(), "--while-stdin-is-open",
        ),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT, env=environment({}),
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None  # they are pipes
    try:
        line = process.stdout.readline()
        if not line.startswith("Sandbox Hub: "):
            raise BenchmarkFailed("The sandbox Hub did not start: run `hubscape sandbox` to see why.")
        yield line.removeprefix("Sandbox Hub: ").split()[0]
    finally:
        process.stdin.close()
        process.wait(timeout=30)
        process.stdout.close()


def _make(data_dir: Path) -> None:
    """Judges the lake and the warehouse, keeps the verdicts and makes the release, as the job does."""
    from expectations import marts, raw
    from expectations.runner import check_marts, check_raw
    from orchestration.assets.release import make_release
    from orchestration.checks.build_log import build_subject
    from orchestration.checks.from_expectations import keep
    from orchestration.checks.gates import mart_rules, raw_rules, raw_subject
    from orchestration.dbt import prepare_manifest
    from orchestration.lake import schemas, snapshot
    from orchestration.release.export import open_warehouse

    settings = _settings(data_dir)
    for table in schemas.SCHEMAS:
        suite = {table: raw.SUITES[table](raw.Limits())}
        outcomes = check_raw(data_dir, DAY, suite, memory_limit=settings.reading_memory_limit)
        keep(settings, "raw", table, raw_subject(settings, table), raw_rules(settings, table), outcomes)
    with open_warehouse(data_dir / WAREHOUSE, memory_limit=settings.reading_memory_limit) as connection:
        subject = build_subject(connection)
    manifest = prepare_manifest()
    raw_rows = {table: snapshot.read_manifest(data_dir, table, DAY).rows for table in schemas.SCHEMAS}
    suites = marts.suites(json.loads(manifest.read_text()), raw_rows)
    outcomes = check_marts(data_dir / WAREHOUSE, suites, memory_limit=settings.reading_memory_limit)
    for table, rules in mart_rules(settings, manifest).items():
        keep(settings, "marts", table, subject, rules, [outcome for outcome in outcomes if outcome.table == table])
    say(rows=sum(resource.rows for resource in make_release(settings).resources))


def _publish(data_dir: Path, url: str) -> None:
    from orchestration.assets.release import make_release, publish_release
    from orchestration.commands.run import quiet_libraries
    from orchestration.dbt import prepare_manifest
    from orchestration.settings import SANDBOX_TOKEN

    quiet_libraries()
    prepare_manifest()
    # A repo of its own for each run: a second publication of the same bytes would make no commit.
    repo = f"{_REPO}-{data_dir.stat().st_ctime_ns}"
    settings = _settings(data_dir, publish_repo=repo)
    steps = {}
    with stopwatch() as seconds:
        with stopwatch() as step:
            package = make_release(settings)
        steps["release"] = step[0]
        with stopwatch() as step:
            published = publish_release(settings, SimpleNamespace(endpoint=url, token=SANDBOX_TOKEN))
        steps["audit, publish, read back"] = step[0]
    say(
        rows=sum(resource.rows for resource in package.resources),
        files=published.files,
        bytes=published.bytes,
        steps=steps,
        work_seconds=seconds[0],
    )


def _settings(data_dir: Path, **more: str):
    from orchestration.settings import load_settings

    return load_settings(data_dir=data_dir, snapshot_date=DAY.isoformat(), **more)


def main() -> None:
    """Runs one program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("program", choices=["make", "publish"])
    parser.add_argument("path", type=Path)
    parser.add_argument("url", nargs="?", default="")
    given = parser.parse_args()
    if given.program == "make":
        _make(given.path)
    else:
        _publish(given.path, given.url)


if __name__ == "__main__":
    main()
