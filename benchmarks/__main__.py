"""`python -m benchmarks`: measures all questions, or some, and writes the report.

Ends with code 1 where a program fails or peers disagree; how long anything takes never fails it.
"""

import argparse
import importlib
import os
import sys
from pathlib import Path

from benchmarks import report
from benchmarks.bench import Bench, progress
from benchmarks.measure import PROJECT, BenchmarkFailed

# In the order in which each may build on what the one before has left.
QUESTIONS = {
    "raw": "benchmarks.raw",
    "crawl": "benchmarks.crawl",
    "dbt": "benchmarks.dbt_build",
    "lineage": "benchmarks.lineage",
    "gates": "benchmarks.gates",
    "release": "benchmarks.release",
    "refresh": "benchmarks.refresh",
}
# Most of what these take at any size is the start of many processes; a small run is about equal results.
_LEFT_OUT_OF_SMALL_RUNS = ("refresh",)
_SMALL = 0.3


def main() -> int:
    """Runs what the words on the command line ask for and returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="size of the made-up Hub; 1 is 2.93 million models")
    parser.add_argument(
        "--only", action="append", choices=list(QUESTIONS), help="measure this question; may be repeated"
    )
    parser.add_argument("--runs", type=int, help="runs of each program; 3, or 1 for a small Hub")
    parser.add_argument("--folder", type=Path, help="where made-up data go; HUBSCAPE_BENCH_DIR, or build/bench")
    parser.add_argument(
        "--results", type=Path, help="the report; benchmarks/RESULTS.md, or beside the data if not full size"
    )
    given = parser.parse_args()
    if not given.scale > 0 or (given.runs is not None and given.runs < 1):
        parser.error("--scale and --runs must be above 0")
    is_small = given.scale < _SMALL
    folder = given.folder or Path(os.environ.get("HUBSCAPE_BENCH_DIR") or PROJECT / "build" / "bench")
    bench = Bench(folder.resolve(), given.scale, given.runs or (1 if is_small else 3))
    names = given.only or [name for name in QUESTIONS if not (is_small and name in _LEFT_OUT_OF_SMALL_RUNS)]
    kept = bench.folder / "findings"
    for name in names:
        progress(f"{name} ...")
        try:
            report.keep(kept, name, importlib.import_module(QUESTIONS[name]).measure(bench))
        except BenchmarkFailed as error:
            sys.stderr.write(f"benchmarks: {name}: {error}\n")
            return 1
    shown = names if is_small else list(QUESTIONS)
    text = report.render(kept, shown, given.scale, bench.rows())
    results = given.results or (
        PROJECT / "benchmarks" / "RESULTS.md" if given.scale == 1 else bench.folder / "RESULTS.md"
    )
    results.write_text(text)
    sys.stdout.write(text)
    progress(f"written to {results}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
