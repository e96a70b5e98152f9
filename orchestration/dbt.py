"""Where the dbt project lies, and its manifest, from which Dagster and the release learn the models."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

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
    folders = [DBT_DIR / name for name in ("models", "macros", "tests", "seeds")]
    files = [DBT_DIR / "dbt_project.yml", *(f for folder in folders for glob in _SOURCES for f in folder.rglob(glob))]
    return any(file.stat().st_mtime > made for file in files)


def prepare_manifest() -> Path:
    """Has dbt write the manifest anew where it is stale, and returns its path."""
    if is_manifest_stale():
        dbt_project().preparer.prepare(dbt_project())
    return MANIFEST
