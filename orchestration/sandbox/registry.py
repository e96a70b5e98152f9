"""What the sandbox takes from the registry seeds: real handles, their names, and the flagship models of families.

Names and dates are real, since a made-up ecosystem is of use only around organizations that people ask about. No
number is.
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

SEEDS = Path(__file__).resolve().parents[2] / "dbt_project" / "seeds"
REDISTRIBUTORS = {"bartowski", "mradermacher", "TheBloke", "unsloth", "lmstudio-community", "mlx-community"}
# Flagships that no milestone names, one line per series: id, sizes in billions, day of creation, pipeline tag.
SERIES = (
    ("google-bert/bert-base-uncased", "0.1", "2022-03-02", "fill-mask"),
    ("sentence-transformers/all-MiniLM-L6-v2", "0.02", "2022-03-02", "sentence-similarity"),
    ("openai/clip-vit-large-patch14", "0.4", "2022-03-02", "zero-shot-image-classification"),
    ("CompVis/stable-diffusion-v1-4", "0.9", "2022-08-20", "text-to-image"),
    ("stabilityai/stable-diffusion-xl-base-1.0", "2.6", "2023-07-25", "text-to-image"),
    ("codellama/CodeLlama-{}b-hf", "7 13 34", "2023-08-24", "text-generation"),
    ("openai/whisper-large-v3", "1.5", "2023-11-07", "automatic-speech-recognition"),
    ("black-forest-labs/FLUX.1-dev", "12", "2024-07-31", "text-to-image"),
    ("meta-llama/Llama-3.1-{}B-Instruct", "8 70 405", "2024-07-18", "text-generation"),
    ("meta-llama/Llama-3.2-{}B", "1 3", "2024-09-18", "text-generation"),
    ("Qwen/Qwen2.5-{}B", "0.5 1.5 3 14 32 72", "2024-09-15", "text-generation"),
    ("google/gemma-3-{}b-it", "1 4 12 27", "2025-03-01", "image-text-to-text"),
    ("Qwen/Qwen3-{}B", "0.6 1.7 4 8 14 32", "2025-04-27", "text-generation"),
    ("baidu/ERNIE-4.5-{}B-PT", "0.3 21", "2025-06-28", "text-generation"),
    ("Wan-AI/Wan2.2-T2V-A14B", "14", "2025-07-24", "text-to-video"),
    ("nvidia/Nemotron-Nano-{}B-v2", "9 12", "2025-08-12", "text-generation"),
)


class Flagship(NamedTuple):
    """A root model that others derive from; size in billions of parameters, day of creation as YYYY-MM-DD."""

    born: str
    id: str
    family: str
    size: float
    pipeline: str


@dataclass(frozen=True)
class Registry:
    """The seeds as the sandbox needs them; all handles as the Hub writes them."""

    names: dict[str, str]  # handle -> name of the organization
    moved: dict[str, str]  # handle -> the handle it had before
    roots: frozenset[str]  # root handles of the families
    redistributors: list[str]  # handles that publish conversions of other people's models
    flagships: list[Flagship]  # by day of creation


def read_registry() -> Registry:
    """The registry as the package's own seeds have it."""
    organizations, families, milestones = map(_rows, ("organizations", "families", "milestones"))
    patterns = [(row["family"], row["root_handle"], re.compile(row["name_pattern"])) for row in families]
    known = [(row["repo_id"], row["hub_created_at"] or row["event_date"], "text-generation") for row in milestones]
    known += [(id.format(size), born, task) for id, sizes, born, task in SERIES for size in sizes.split()]
    sizes = {id.format(size): float(size) for id, sizes, *_ in SERIES for size in sizes.split()}
    flagships = {}
    for id, born, task in known:
        handle, _, name = id.partition("/")
        families_of = (f for f, root, pattern in patterns if root == handle and pattern.search(name.lower()))
        family = next(families_of, name.split("-")[0])
        told = re.search(r"(\d+(?:\.\d+)?)b\b", name.lower())
        if name:
            flagships[id] = Flagship(born, id, family, sizes.get(id) or float(told[1] if told else 7), task)
    return Registry(
        names={row["handle"]: row["organization"] for row in organizations},
        moved={row["successor_handle"]: row["handle"] for row in organizations if row["successor_handle"]},
        roots=frozenset(row["root_handle"] for row in families),
        redistributors=[row["handle"] for row in organizations if row["handle"] in REDISTRIBUTORS],
        flagships=sorted(flagships.values()),
    )


def _rows(name: str) -> list[dict[str, str]]:
    with (SEEDS / f"registry_{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
