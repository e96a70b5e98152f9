"""The data dictionary, docs/data_dictionary.md: every table and column, as the dbt manifest describes them.

A pure function of the manifest, so that a test can render it again and compare. What is published comes through the
contract; seeds and internal models are not published and are read from the manifest here.

    python -m orchestration.release.dictionary    writes it anew
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from orchestration.release.contract import PublishedTable, read_contract
from orchestration.release.readme import render_readme

PROJECT = Path(__file__).resolve().parents[2]
MANIFEST = PROJECT / "dbt_project" / "target" / "manifest.json"
DICTIONARY = PROJECT / "docs" / "data_dictionary.md"
README = PROJECT / "README.md"

# Headings of docs/definitions.md that say how the tables of a folder of marts are counted.
DEFINITIONS = {
    "adoption": ("Adoption",),
    "chain": ("Papers and the chain",),
    "claims": ("Claims",),
    "countries": ("Countries and concentration", "Registry"),
    "lineage": ("Named parents and edges", "Subjects and derivative counts"),
    "milestones": ("Milestones", "Renames, deletions, top tens"),
    "organizations": ("Organizations", "Registry"),
    "papers": ("Papers and the chain",),
    "quality": ("Quality",),
    "repos": ("Organizations", "Countries and concentration", "Renames, deletions, top tens"),
}

_LAYERS = ("base", "staging", "intermediate", "marts")
_INTRODUCTION = """\
# Data dictionary

What each table holds, down to the last column. Written by `make dictionary` from the descriptions beside the dbt models
and seeds: change it there. How things are counted is written down in [definitions](definitions.md).

- [Published tables](#published-tables), each with an example question that it answers
- [Registry](#registry): what is maintained by hand
- [Internal models](#internal-models): what stands between the raw rows and the published tables
"""
_PUBLISHED = """\
## Published tables

They are the configs of the published dataset and what `hubscape query` reads. A table with all snapshots so far holds
the rows of each earlier release too, under its own `snapshot_date`; any other table holds one snapshot a release, and
earlier ones stay at their tags. A table without rows has no file."""
_SEEDS = """\
## Registry

Seeds in `dbt_project/seeds`, maintained by hand. They are not published as files; what they say reaches the published
tables through the models."""
_INTERNAL = """\
## Internal models

Nobody is promised that these stay as they are. `make docs` shows their columns, caveats and SQL."""


def render_dictionary(manifest_path: Path) -> str:
    """The whole document.

    Raises:
        HubscapeError: there is no manifest, or it describes a published table that cannot be exported.
    """
    tables = read_contract(manifest_path).tables
    nodes: dict[str, dict[str, Any]] = json.loads(manifest_path.read_text())["nodes"]
    published = {table.name: table for table in tables}
    models = {node["name"]: node for node in nodes.values() if node["resource_type"] == "model"}
    seeds = sorted((n for n in nodes.values() if n["resource_type"] == "seed"), key=lambda node: node["name"])
    internal = sorted(
        (node for name, node in models.items() if name not in published),
        key=lambda node: (_LAYERS.index(_layer(node)), node["name"]),
    )
    parts = [
        _INTRODUCTION,
        _PUBLISHED,
        _table(
            ("table", "one row per", "what for", "question"),
            ((f"[{t.name}](#{_anchor(t.name)})", t.grain, t.title, t.question) for t in tables),
        ),
        *(part for table in tables for part in _published(table, models[table.name]["fqn"][2])),
        _SEEDS,
        *(part for seed in seeds for part in _seed(seed)),
        _INTERNAL,
        _table(
            ("model", "layer", "one row per", "question"),
            (
                (node["name"], _layer(node), node["config"]["meta"]["grain"], node["config"]["meta"]["question"])
                for node in internal
            ),
        ),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _published(table: PublishedTable, folder: str) -> Iterator[str]:
    yield f"### {table.name}"
    yield f"**{table.title}.** {table.description}"
    snapshots = "all so far, each under its own date" if table.carries_history else "the latest one only"
    links = ", ".join(f"[{heading}](definitions.md#{_anchor(heading)})" for heading in DEFINITIONS[folder])
    yield "\n".join(
        [
            f"- One row per: {table.grain}",
            f"- Key: {', '.join(f'`{name}`' for name in table.key)}",
            f"- Snapshots: {snapshots}",
            f"- Question: {table.question}",
            f"- Definitions: {links}",
            *(f"- Beware: {caveat}" for caveat in table.caveats),
        ]
    )
    yield _table(("column", "type", "meaning"), ((f"`{c.name}`", c.data_type, c.description) for c in table.columns))


def _seed(seed: dict[str, Any]) -> Iterator[str]:
    yield f"### {seed['name']}"
    yield _one_line(seed["description"])
    yield _table(
        ("column", "type", "meaning"),
        ((f"`{c['name']}`", c["data_type"], c["description"]) for c in seed["columns"].values()),
    )


def _layer(node: dict[str, Any]) -> str:
    return "base" if "base" in node["fqn"] else str(node["fqn"][1])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_one_line(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _anchor(heading: str) -> str:
    """What a heading is linked by on the code host: lower case, without punctuation, a hyphen for each space."""
    kept = "".join(c for c in heading.lower() if c.isalnum() or c in "-_ ")
    return kept.replace(" ", "-")


if __name__ == "__main__":
    DICTIONARY.write_text(render_dictionary(MANIFEST))
    README.write_text(render_readme(README.read_text(), MANIFEST))
