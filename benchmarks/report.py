"""Tells what was found as one Markdown file: the figures against their limits, the programs, the machine.

Belongs here: how results look. Not: how they are measured. Findings are kept as JSON beside the data, so that a
question can be measured again alone; each says when and at which commit it was measured.
"""

import json
import os
import platform
import subprocess
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.bench import Finding
from benchmarks.measure import PROJECT

_PACKAGES = (
    "duckdb", "dbt-core", "dbt-duckdb", "dagster", "great-expectations", "huggingface_hub", "msgspec", "pyarrow",
    "polars", "pandas", "networkx",
)  # fmt: skip


def is_kept(folder: Path, name: str, code: str) -> bool:
    """Whether there is a finding of that code."""
    path = folder / f"{name}.json"
    return path.is_file() and json.loads(path.read_text())["code"] == code


def keep(folder: Path, name: str, finding: Finding, code: str) -> None:
    """Keeps a finding for later reports of the same size; `code` tells versions of what was measured apart."""
    programs = [
        {
            "name": p.name, "seconds": p.median_seconds, "work_seconds": p.median_work_seconds,
            "cpu_seconds": p.median_cpu_seconds, "peak_bytes": p.peak, "rows": p.rows, "agrees": p.agrees, "runs": len(p.seconds), "fastest": min(p.seconds), "slowest": max(p.seconds),
        }
        for p in finding.programs
    ]  # fmt: skip
    verdicts = [asdict(v) | {"is_met": v.is_met, "factor": v.factor} for v in finding.verdicts]
    told = {
        "question": finding.question, "programs": programs, "verdicts": verdicts, "notes": finding.notes,
        "code": code, "commit": _commit(), "measured": f"{datetime.now(UTC):%Y-%m-%d}",
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    writing = folder / f".{name}.json"
    writing.write_text(json.dumps(told, indent=2))
    writing.replace(folder / f"{name}.json")


def render(folder: Path, names: list[str], scale: float, rows: dict[str, int], at_a_time: int) -> str:
    """The report of the kept findings, in the order of the names; `at_a_time` questions were measured at once."""
    findings = [json.loads(path.read_text()) for name in names if (path := folder / f"{name}.json").is_file()]
    held = [v for finding in findings for v in finding["verdicts"]]
    size = "full size" if scale == 1 else f"scale {scale:g}"
    lines = [
        "# Results of the benchmarks",
        "",
        f"A made-up Hub of {size}: {', '.join(f'{count:,} {kind}' for kind, count in rows.items())}.",
        f"{sum(v['is_met'] for v in held)} of {len(held)} figures are within their limits"
        + ("." if scale == 1 else ", which are those of the full size."),
        *(
            [f"A small Hub is for equal results: {at_a_time} questions ran at a time, so that seconds tell little."]
            if at_a_time > 1
            else []
        ),
        "",
        f"Machine: {_machine()}.",
        f"Versions: Python {platform.python_version()}, "
        + ", ".join(f"{package} {version(package)}" for package in _PACKAGES)
        + ".",
        "",
        "## Figures",
        "",
        "| what | figure | measured | limit | | factor |",
        "| --- | --- | ---: | ---: | --- | ---: |",
    ]
    for finding in findings:
        lines += [
            f"| {finding['question']} | {v['what']} | {_number(v['value'])} {v['unit']} | "
            f"{'at least' if v['at_least'] else 'at most'} {_number(v['limit'])} {v['unit']} | "
            f"{'met' if v['is_met'] else '**missed**'} | {v['factor']:.2f} |"
            for v in finding["verdicts"]
        ]
    lines += [
        "",
        "The factor is what was measured by its limit.",
        "",
        "## Programs",
        "",
        "Each in a process of its own, children included: median wall time of the whole process, of its work without"
        " the start of Python and imports where it tells, median seconds of the processor with what it took to tell the"
        " answer, and median peak of resident memory. Peers of one question ran in turn; where their results were"
        " compared, they were equal. Peers that take minutes ran once, or on a part that their name tells.",
        "",
        "| program | runs | seconds (fastest to slowest) | work seconds | CPU seconds | peak MiB | rows | result |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for finding in findings:
        lines.append(f"| **{finding['question']}** | | | | | | | |")
        lines += [
            f"| {p['name']} | {p['runs']} | {p['seconds']:.1f} ({p['fastest']:.1f} to {p['slowest']:.1f}) | "
            f"{p['work_seconds']:.2f} | {p['cpu_seconds']:.1f} | {p['peak_bytes'] / 2**20:,.0f} | {p['rows'] or ''} | {'equal' if p['agrees'] else ''} |"
            for p in finding["programs"]
        ]
    lines += ["", "## Notes", ""]
    lines += [
        f"- {finding['question'].partition(':')[0]}: measured {finding['measured']} at {finding['commit']}. "
        + " ".join(finding["notes"])
        for finding in findings
    ]
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _machine() -> str:
    model = next(
        (line.partition(":")[2].strip() for line in _text("/proc/cpuinfo").splitlines() if "model name" in line),
        platform.processor() or platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{len(os.sched_getaffinity(0))} cores ({model}), {memory:.0f} GiB of memory, {platform.system()}"


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _commit() -> str:
    """Short hash and date of the commit, marked where files differ from it, but for the results themselves."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(PROJECT), *words], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    told = git("log", "-1", "--format=%h of %cs")
    return (told or "no commit") + (
        " with changes" if git("status", "--porcelain", "--", ".", ":!benchmarks/RESULTS.md") else ""
    )
