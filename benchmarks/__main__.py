"""`python -m benchmarks`: measures all questions, or some, and writes the report.

Ends with code 1 where a program fails or peers disagree; how long anything takes never fails it. The report is written
after each question, of what has been found so far: a run that was ended goes on with `--resume`.
"""

import argparse
import importlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from benchmarks import report
from benchmarks.bench import Bench, progress
from benchmarks.measure import PROJECT, BenchmarkFailed

# In the order in which each may build on what the one before has left.
QUESTIONS = {
    "crawl": "benchmarks.crawl",
    "dbt": "benchmarks.dbt_build",
    "raw": "benchmarks.raw",
    "lineage": "benchmarks.lineage",
    "gates": "benchmarks.gates",
    "release": "benchmarks.release",
    "refresh": "benchmarks.refresh",
    "incremental": "benchmarks.incremental",
    "pace": "benchmarks.pace",
}
# Most of what these take at any size is the start of many processes; a small run is about equal results.
_LEFT_OUT_OF_SMALL_RUNS = ("refresh", "incremental", "pace")
_SMALL = 0.3


def main() -> int:
    """Runs what the words on the command line ask for and returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="size of the made-up Hub; 1 is 2.93 million models")
    parser.add_argument(
        "--only", action="append", choices=list(QUESTIONS), help="measure this question; may be repeated"
    )
    parser.add_argument(
        "--resume", action="store_true", help="leave out questions that this code has been measured on at this size"
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
    results = given.results or (
        PROJECT / "benchmarks" / "RESULTS.md" if given.scale == 1 else bench.folder / "RESULTS.md"
    )
    # One of a thread: whoever wants seconds that tell something takes a larger Hub, and its questions in turn.
    at_a_time = 2 if is_small else 1

    def measure(name: str) -> None:
        progress(f"{name} ...")
        report.keep(kept, name, importlib.import_module(QUESTIONS[name]).measure(bench), bench.code)

    def write() -> str:
        text = report.render(kept, names if is_small else list(QUESTIONS), given.scale, bench.rows(), at_a_time)
        results.write_text(text)
        return text

    todo = [name for name in names if not (given.resume and report.is_kept(kept, name, bench.code))]
    with ThreadPoolExecutor(at_a_time) as pool:
        asked = {pool.submit(measure, name): name for name in todo}
        for question in as_completed(asked):
            try:
                question.result()
            except BenchmarkFailed as error:
                pool.shutdown(wait=False, cancel_futures=True)
                sys.stderr.write(f"benchmarks: {asked[question]}: {error}\n")
                return 1
            write()
    sys.stdout.write(write())
    progress(f"written to {results}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
