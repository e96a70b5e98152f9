"""Where the dbt project lies, and its manifest, from which Dagster and the release learn the models."""

import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.ground.errors import HubscapeError
from orchestration.settings import PROJECT_DIR

if TYPE_CHECKING:
    from dagster_dbt import DbtProject

DBT_DIR = PROJECT_DIR / "dbt_project"
MANIFEST = DBT_DIR / "target" / "manifest.json"
_SOURCES = ("*.sql", "*.yml", "*.csv", "*.md")


@cache
def dbt_project() -> "DbtProject":
    """The project as dagster-dbt sees it."""
    from dagster_dbt import DbtProject

    return DbtProject(project_dir=DBT_DIR, profiles_dir=DBT_DIR)


def is_manifest_stale() -> bool:
    """Whether the manifest is missing or older than any file it was made from."""
    if not MANIFEST.is_file():
        return True
    made = MANIFEST.stat().st_mtime
    folders = [DBT_DIR / name for name in ("models", "macros", "tests", "seeds", "analyses")]
    files = [DBT_DIR / "dbt_project.yml", *(f for folder in folders for glob in _SOURCES for f in folder.rglob(glob))]
    return any(file.stat().st_mtime > made for file in files)


def dbt_executable() -> str:
    """The dbt of this environment, which need not be activated."""
    beside_python = Path(sys.executable).parent / "dbt"
    return str(beside_python) if beside_python.is_file() else "dbt"


def prepare_manifest() -> Path:
    """Has dbt write the manifest anew where it is stale, and returns its path.

    Raises:
        HubscapeError: dbt refuses the project.
    """
    if is_manifest_stale():
        MANIFEST.parent.mkdir(exist_ok=True)
        # Beside the final place and moved there whole: another process may be reading or preparing it, too.
        with tempfile.TemporaryDirectory(prefix=".parsing-", dir=MANIFEST.parent) as folder:
            command = [dbt_executable(), "--quiet", "parse", "--target-path", folder]
            command += ["--project-dir", str(DBT_DIR), "--profiles-dir", str(DBT_DIR)]
            done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT_DIR)
            if done.returncode:
                last_line = (done.stdout + done.stderr).strip().splitlines()[-1:]
                raise HubscapeError(f"dbt cannot read the project in {DBT_DIR}: {''.join(last_line)}")
            for name in ("partial_parse.msgpack", MANIFEST.name):
                (Path(folder) / name).replace(MANIFEST.with_name(name))
    return MANIFEST
