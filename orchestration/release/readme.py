"""The parts of README.md that are rendered: picture and table of the marts from dbt's manifest, and what a run printed.

Each stands between two marks, so that a test can render it again and compare.
"""

import json
import re
from pathlib import Path

from orchestration.release.contract import PublishedTable, read_contract

_ROWS = 4  # of boxes in the picture
_SECTION = "<!-- {name}: written by `make {target}` -->\n{text}<!-- end of {name} -->\n"
_TABLE_ROWS = 2  # of a run's summary that are shown; the others are left out


def render_readme(text: str, manifest_path: Path) -> str:
    """README.md with its rendered parts made anew.

    Raises:
        HubscapeError: there is no manifest, or it describes a published table that cannot be exported.
        ValueError: a part has lost its marks.
    """
    tables = {table.name: table for table in read_contract(manifest_path).tables}
    nodes = json.loads(manifest_path.read_text())["nodes"].values()
    subjects: dict[str, list[PublishedTable]] = {}
    for node in sorted(nodes, key=lambda node: node["name"]):
        if node["resource_type"] == "model" and node["name"] in tables:
            subjects.setdefault(node["fqn"][2], []).append(tables[node["name"]])
    for name, part in (("picture of the marts", _picture(subjects)), ("table of the marts", _table(subjects))):
        text = _put(text, name, "dictionary", part)
    return text


def render_run(text: str, summary: str, data_dir: Path) -> str:
    """README.md with what a run printed at its end: paths as seen from the project, the first rows of its table.

    Raises:
        ValueError: the part has lost its marks, or what was printed is no summary.
    """
    lines = summary.strip().replace(str(data_dir), "data").splitlines()
    rows = [at for at, line in enumerate(lines) if line.startswith("│")]
    if len(rows) <= _TABLE_ROWS:
        raise ValueError("a run's summary has a table, and this has none")
    left_out = [re.sub(r"[^ ]", " ", cell) for cell in lines[rows[-1]].strip("│").split("│")]
    for column in (0, 2):  # the names of raw and of published tables
        left_out[column] = f" ...{left_out[column][4:]}"
    shown = [*lines[: rows[_TABLE_ROWS]], f"│{'│'.join(left_out)}│", *lines[rows[-1] + 1 :]]
    return _put(text, "what a run prints", "screenshots", "\n".join(["```", *shown, "```"]) + "\n")


def _put(text: str, name: str, target: str, part: str) -> str:
    marks = re.escape(_SECTION.format(name=name, target=target, text="§")).replace("§", ".*?")
    section = _SECTION.format(name=name, target=target, text=part)
    text, found = re.subn(marks, lambda _: section, text, flags=re.DOTALL)
    if found != 1:
        raise ValueError(f"README.md has {found} places for the {name}, where it must have one")
    return text


def _picture(subjects: dict[str, list[PublishedTable]]) -> str:
    """The way of the data, with the marts by subject, as Mermaid."""
    lines = [
        "```mermaid",
        "flowchart TB",
        '  hub["Hub: models, datasets, Spaces, organizations, daily papers"] --> raw["raw snapshots"]',
        '  raw --> staging["staging: rows that keep the rules"]',
        '  staging --> intermediate["intermediate: lineage, registry, renames"] --> marts',
        '  registry["registry: organizations, families, milestones, claims"] --> intermediate',
        "  subgraph marts",
    ]
    lines += [
        f'    {subject}["<b>{subject}</b><br/>{"<br/>".join(table.name for table in tables)}"]'
        for subject, tables in sorted(subjects.items())
    ]
    # Links that are not drawn set the boxes in a grid; all side by side they would be too small to read.
    names = sorted(subjects)
    lines += [f"    {left} ~~~ {right}" for left, right in zip(names, names[_ROWS:], strict=False)]
    lines += [
        "  end",
        '  marts --> release["release: Parquet, card, report"] --> dataset["dataset on the Hub"]',
        "```",
    ]
    return "\n".join(lines) + "\n"


def _table(subjects: dict[str, list[PublishedTable]]) -> str:
    lines = ["| table | what it holds | one row per | a question it answers |", "| --- | --- | --- | --- |"]
    for subject, tables in sorted(subjects.items()):
        lines.append(f"| *{subject}* | | | |")
        for table in tables:
            history = " **H**" if table.carries_history else ""
            lines.append(
                f"| [`{table.name}`](docs/data_dictionary.md#{table.name}){history} | {table.title} | {table.grain} "
                f"| {table.question} |"
            )
    return "\n".join(lines) + "\n"
