"""The pages of a release for people without tools: its report and the dbt docs, as the files of a static Space."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import yaml

from orchestration.release import datapackage
from orchestration.release.datapackage import DataPackage
from orchestration.site import report

# Pages that may stand next to the report, and what their links are called.
_LINKS = {"dbt/index.html": "Every table, column and test (dbt docs)", "lineage/index.html": "Lineage of columns"}


def write_space(folder: Path, release: Path, package: DataPackage, pages: Mapping[str, Path]) -> dict[str, Path]:
    """Writes the files of a Space into a folder and returns them by their path in the repo.

    Args:
        folder: where to write; it is there.
        release: the release folder, audited.
        package: its manifest.
        pages: pages to stand next to the report, by their path in the repo.
    """
    links = "".join(f'<li><a href="{path}">{_LINKS[path]}</a></li>\n' for path in pages)
    page = (release / report.FILE_NAME).read_text()
    if page.count(report.LINKS_MARK) != 1:
        raise ValueError(f"{report.FILE_NAME} has no place for links: it was made by another version")
    written = {"index.html": page.replace(report.LINKS_MARK, links), "README.md": _card(package)}
    for name, text in written.items():
        (folder / name).write_text(text)
    shutil.copyfile(release / datapackage.FILE_NAME, folder / datapackage.FILE_NAME)
    return {name: folder / name for name in (*written, datapackage.FILE_NAME)} | dict(pages)


def _card(package: DataPackage) -> str:
    """README.md of the Space; its front matter tells the Hub what to serve."""
    facts = {
        "title": "Hubscape report",
        "emoji": "\N{TELESCOPE}",
        "colorFrom": "blue",
        "colorTo": "green",
        "sdk": "static",
        "app_file": "index.html",
        "license": "cc-by-4.0",
    } | ({"datasets": [package.repo_id]} if package.repo_id else {})
    made_up = " Synthetic data: a sandbox made up its numbers." if package.synthetic else ""
    made_up += " A sample, not the whole Hub." if package.sample else ""
    return (
        f"---\n{yaml.safe_dump(facts, sort_keys=False, allow_unicode=True)}---\n"
        f"The report of the snapshot of {package.snapshot_date}, and the documentation of every table.{made_up}\n"
    )
