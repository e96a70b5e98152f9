"""A scratch copy of the project, in which commands are run as people type them."""

import shutil
import sys
from pathlib import Path

from tests.hubscape import clean_environment
from tests.support import PROJECT

_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", "data", "data-*", "build", "logs", "__pycache__", ".*_cache", ".hypothesis", "*.egg-info"
)


def scratch_clone(folder: Path) -> Path:
    """Copies the project into a new folder, with the packages of this environment as its `.venv`."""
    shutil.copytree(PROJECT, folder, ignore=_LEFT_OUT, symlinks=True)
    # A folder of its own around the same programs: what make notes about the installation stays in the copy.
    venv = folder / ".venv"
    venv.mkdir()
    for part in Path(sys.prefix).iterdir():
        if part.name != ".installed":
            (venv / part.name).symlink_to(part, target_is_directory=part.is_dir())
    (venv / ".installed").touch()
    manifest = folder / "dbt_project" / "target" / "hubscape" / "manifest.json"
    if manifest.is_file():
        manifest.touch()
    return folder


def clone_environment(folder: Path, variables: dict[str, str]) -> dict[str, str]:
    """The variables for commands in a copy: its own code comes before the installed one."""
    return clean_environment({"PYTHONPATH": str(folder), "HF_HOME": str(folder / "data" / "hf"), **variables})
