"""One run of the benchmarks: its size, its folder of made-up data, and how a question measures and judges.

Belongs here: what all questions share. Not: any of the questions.
"""

import hashlib
import shutil
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.forms import PAGE_TABLES, write_bulk, write_lake, write_pages
from benchmarks.generator import write_hub
from benchmarks.measure import PROJECT, BenchmarkFailed, Measured, Program, run
from orchestration.lake.schemas import SCHEMAS

DAY = date(2026, 11, 20)
# What data depend on, so that none is taken for that of other code.
_MADE_BY = (
    "benchmarks/generator.py",
    "benchmarks/forms.py",
    "dbt_project/seeds/*.csv",
    "orchestration/lake/schemas.py",
)
_PROJECT_CODE = ("dbt_project/**/*", "orchestration/**/*.py", "expectations/**/*.py")


@dataclass(frozen=True)
class Verdict:
    """A figure held against its limit: `value` in `unit`, at most `limit` (or at least, if `at_least`).

    Limits hold at full size; at a smaller one `limit` is still that of the full size.
    """

    what: str
    value: float
    limit: float
    unit: str
    at_least: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the value keeps the limit."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    @property
    def factor(self) -> float:
        """Value by limit."""
        return self.value / self.limit


@dataclass
class Finding:
    """What a question found: programs as measured, verdicts, and sentences about how it was done."""

    question: str
    programs: list[Measured] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Bench:
    """The size of this run and its data, each made when first asked for and kept for later runs of the same size."""

    def __init__(self, folder: Path, scale: float, runs: int, seed: int = 7) -> None:
        """`folder` is where all data go; `runs` how often each program runs."""
        self.scale, self.runs, self.seed, self.day = scale, runs, seed, DAY
        self.root = folder
        self.folder = folder / f"scale-{scale:g}-{_digest(_MADE_BY)}"
        self.scratch = self.folder / "scratch"
        self.code = _digest(_PROJECT_CODE)
        self.scratch.mkdir(parents=True, exist_ok=True)
        self._locks: dict[str, threading.RLock] = defaultdict(threading.RLock)

    def hub(self, scale: float | None = None) -> Path:
        """The made-up Hub."""
        scale = scale or self.scale
        return self._made(f"hub-{scale:g}", lambda folder: write_hub(folder, scale, self.day, self.seed))

    def rows(self) -> dict[str, int]:
        """Rows of each table of the Hub."""
        counted = {}
        for table in SCHEMAS:
            files = sorted((self.hub() / table).glob("*.parquet"))
            counted[table] = sum(pq.read_metadata(file).num_rows for file in files)
        return counted

    def pages(self) -> Path:
        """Its lists as pages, a folder each."""

        def make(folder: Path) -> None:
            folder.mkdir()
            for kind in PAGE_TABLES:
                write_pages(self.hub(), folder / kind, kind)

        return self._made("pages", make)

    def bulk(self) -> Path:
        """Its bulk files."""
        return self._made("bulk", lambda folder: write_bulk(self.hub(), folder))

    def lake(self) -> Path:
        """A data folder with its raw snapshots and nothing else; copy it before writing into it."""
        return self._made("lake", lambda folder: write_lake(self.hub(), folder, self.day))

    def lake_copy(self, name: str) -> Path:
        """A data folder of that name with the same snapshots, emptied of all else."""
        return fresh_copy(self.lake(), self.scratch / name)

    def made(self, name: str, make: Callable[[Path], object]) -> Path:
        """What the project makes of the data, by `make` in the folder it is given; anew where its code has changed."""
        state = self.state(name)
        for other in self.folder.glob(f"{name}.*"):
            if other != state:
                shutil.rmtree(other)
        return self._made(state.name, make)

    def state(self, name: str) -> Path:
        """Where `made` keeps that, be it there or not."""
        return self.folder / f"{name}.{self.code}"

    def compare(
        self,
        programs: Sequence[Program],
        *,
        before: Callable[[], object] | None = None,
        runs: int | None = None,
        into: Sequence[Measured] | None = None,
    ) -> list[Measured]:
        """Runs the programs in turn, as often as this run says, and requires that all give the same answer.

        `before` makes things ready ahead of each run; runs are added to `into`, where that is given.

        Raises:
            BenchmarkFailed: a program fails, or two disagree.
        """
        measured = list(into or map(Measured, [program.name for program in programs]))
        for turn in range(runs or self.runs):
            for program, found in zip(programs, measured, strict=True):
                if program.most_runs is not None and turn >= program.most_runs:
                    continue
                if before:
                    before()
                run(program, found)
                seconds, peak = found.seconds[-1], found.peak_bytes[-1] >> 20
                progress(f"  {program.name}: run {len(found.seconds)}, {seconds:.1f} s, {peak} MiB")
                require_equal(measured[0], found)
        return measured

    def making(self, name: str) -> threading.RLock:
        """What to hold while making that, so that a question beside this one waits and does not make it too."""
        return self._locks[name]

    def _made(self, name: str, make: Callable[[Path], object]) -> Path:
        final, building = self.folder / name, self.folder / f".{name}.making"
        with self.making(name.partition(".")[0]):
            if not final.exists():
                shutil.rmtree(building, ignore_errors=True)
                progress(f"making {name} ...")
                started = time.perf_counter()
                make(building)
                building.rename(final)
                progress(f"made {name} in {time.perf_counter() - started:.0f} s")
        return final


def require_equal(first: Measured, other: Measured) -> None:
    """Requires that two programs that both gave an answer gave the same, and notes that they did.

    Raises:
        BenchmarkFailed: they disagree.
    """
    ours, theirs = first.said.get("answer"), other.said.get("answer")
    if theirs is not None and ours is not None and theirs != ours:
        if isinstance(ours, dict) and isinstance(theirs, dict):
            differing = [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]
            ours, theirs = ({key: answer.get(key) for key in differing} for answer in (ours, theirs))
        raise BenchmarkFailed(f"{first.name} and {other.name} disagree: {str(ours)[:800]} and {str(theirs)[:800]}.")
    if first is not other and ours is not None and theirs is not None:
        first.agrees = other.agrees = True


@cache
def _digest(patterns: tuple[str, ...]) -> str:
    # Once a run: files that are edited meanwhile must not tear its data apart.
    digest = hashlib.sha256()
    for path in sorted(path for pattern in patterns for path in PROJECT.glob(pattern)):
        if path.is_file() and not {"target", "logs", "__pycache__"} & set(path.parts):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:8]


def fresh_copy(source: Path, target: Path) -> Path:
    """`target` with all of `source`, as hard links: files are only ever replaced, never changed."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, copy_function=lambda a, b: Path(b).hardlink_to(a))
    return target


def progress(line: str) -> None:
    """Tells whoever waits how far it is."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")


@contextmanager
def stopwatch() -> Iterator[list[float]]:
    """Yields a list that holds the seconds of the block once it has ended, and those of the processor."""
    seconds: list[float] = []
    started, started_cpu = time.perf_counter(), time.process_time()
    yield seconds
    seconds += [time.perf_counter() - started, time.process_time() - started_cpu]
