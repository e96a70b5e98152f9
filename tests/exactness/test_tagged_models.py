"""How often `tagged` is right: families that recorded rows are counted for, against a sample that people have read.

The sample (tests/expected/tagged_sample.csv) was drawn by family from what was tagged, and read row by row: is the
repo a model of the family, one made from it, or of its architecture?
"""

import csv
import gzip
import json
from collections import defaultdict

import pytest

from tests.independent.derivatives import tagged_models
from tests.independent.recorded import SNAPSHOT
from tests.independent.registry import make_registry, read_seeds
from tests.support import PROJECT, recorded_dir

LEAST_PRECISION = 0.97
LOOK_ALIKES = (
    ("openlm-research/open_llama_3b", "llama"),
    ("leejet/anything", "stable-diffusion.cpp"),
    ("Phi0112358/something", "text"),
    ("a/tiny", "dataset:internlm/Condor"),
    ("a/tiny", "license:gemma"),
    ("a/tiny", "deepseek-ai"),
    ("a/tiny", "mistral-common"),
    ("a/dolphin-4", "delphi-4"),
    ("a/mamba3-mimo-1.5b", "mimo"),
    ("a/run-clip0.2", "text"),
    ("a/llama-256-12L", "llama"),
    ("a/guide", "whisper.cpp"),
)


def sample() -> dict[tuple[str, str], bool]:
    """Whether the repo is of the family, by family and repo."""
    with (PROJECT / "tests" / "expected" / "tagged_sample.csv").open(encoding="utf-8", newline="") as file:
        return {(row["family"], row["repo_id"]): row["is_of_family"] == "true" for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def tagged() -> set[tuple[str, str]]:
    """Family and repo of all recorded models, recomputed: test_recorded_counts.py compares that with the SQL."""
    models = {}
    for name in ("models", "models_trending"):
        with gzip.open(recorded_dir() / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                models.setdefault(row["id"], row)
    found = tagged_models(models, make_registry(read_seeds(), SNAPSHOT))
    return {(family, key) for family, keys in found.items() for key in keys}


def test_nearly_all_that_is_tagged_is_of_the_family(tagged):
    found = defaultdict(list)
    for (family, repo_id), is_right in sample().items():
        if (family, repo_id) in tagged:
            found[family].append(is_right)
    assert sum(map(len, found.values())) >= 300
    assert found.keys() == {family for family, _ in tagged}
    precision = {family: sum(rights) / len(rights) for family, rights in found.items()}
    assert {family: share for family, share in precision.items() if share < LEAST_PRECISION} == {}


@pytest.mark.parametrize(("repo_id", "tag"), LOOK_ALIKES)
def test_look_alikes_are_of_no_family(repo_id, tag):
    registry = make_registry(read_seeds(), SNAPSHOT)
    found = tagged_models({"k": {"id": repo_id, "tags": [tag]}}, registry)
    assert {family for family, keys in found.items() if keys} == set()
