"""Which code makes a release: the project's commit, and the versions of the packages that decide its bytes."""

import subprocess
from importlib.metadata import version
from pathlib import Path

from orchestration.release.datapackage import Provenance

# What decides the bytes of a release, besides the project's own code.
_PACKAGES = (
    "dagster",
    "dbt-core",
    "dbt-duckdb",
    "duckdb",
    "great-expectations",
    "huggingface_hub",
    "pillow",
    "pyarrow",
    "vl-convert-python",
)


def provenance(project: Path) -> Provenance:
    """The code of a project folder as it is now; its commit is `unknown` where that is no git checkout."""
    commit, *status = _git_status(project) or ["unknown"]
    is_changed = any(not line.startswith("#") for line in status)
    return Provenance(
        hubscape=version("hubscape"),
        git_commit=commit.removeprefix("# branch.oid ") + ("+changes" if is_changed else ""),
        packages={package: version(package) for package in _PACKAGES},
    )


def _git_status(project: Path) -> list[str]:
    """The commit and a line on each change, as git tells programs; nothing where it cannot."""
    if not (project / ".git").exists():  # a checkout further up is another project's
        return []
    command = ["git", "-C", str(project), "status", "--porcelain=v2", "--branch"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30).stdout.splitlines()
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return []
