"""The dbt project as its lineage graph shows it: layers, ends, and a word on everything that can be clicked."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from orchestration.release.questions import read_questions
from orchestration.site.charts import read_drawings

Manifest = dict[str, Any]

# Layers from the first to the last, with the folders and the prefixes of their models.
LAYERS = {
    "base": ("models/staging/base/", ("base_",)),
    "staging": ("models/staging/", ("stg_",)),
    "intermediate": ("models/intermediate/", ("int_",)),
    "marts": ("models/marts/", ("dim_", "fct_", "rpt_", "quarantine", "int_")),
}
# Seeds that no model reads, each with the test that does.
READ_BY_TESTS = {"registry_countries": "assert_registry_countries_are_known"}
READING = {"model", "exposure"}


def of_type(manifest: Manifest, *types: str) -> Iterator[dict[str, Any]]:
    return (node for node in manifest["nodes"].values() if node["resource_type"] in types)


def layer(node: dict[str, Any]) -> str:
    return next(name for name, (folder, _) in LAYERS.items() if node["original_file_path"].startswith(folder))


def name(unique_id: str) -> str:
    return unique_id.rpartition(".")[2]


def test_every_model_lies_in_the_folder_of_its_layer_and_says_it_in_its_name(manifest):
    for node in of_type(manifest, "model"):
        _, prefixes = LAYERS[layer(node)]
        assert node["name"].startswith(prefixes), node["original_file_path"]
        assert Path(node["original_file_path"]).stem == node["name"]
        # What stands between two marts reads marts, so it lies with them, and is no fact that anybody is given.
        if layer(node) == "marts":
            assert node["name"].startswith("int_") != bool(node["config"]["meta"].get("publish")), node["name"]


def test_a_model_reads_its_own_layer_and_those_before_it(manifest):
    order = list(LAYERS)
    for node in of_type(manifest, "model"):
        for parent in node["depends_on"]["nodes"]:
            if parent.startswith("source."):
                assert layer(node) in {"base", "staging"}, f"{node['name']} reads {parent}"
            elif parent.startswith("model."):
                before = layer(manifest["nodes"][parent])
                assert order.index(before) <= order.index(layer(node)), f"{node['name']} reads {name(parent)}"


def test_nothing_ends_in_the_air(manifest):
    for node in [*of_type(manifest, "model", "seed"), *manifest["sources"].values()]:
        readers = manifest["child_map"][node["unique_id"]]
        if node["name"] in READ_BY_TESTS:
            assert f"test.hubscape.{READ_BY_TESTS[node['name']]}" in readers
        elif not node.get("config", {}).get("meta", {}).get("publish"):
            assert any(reader.split(".")[0] in READING for reader in readers), f"nothing reads {node['name']}"


def test_what_is_exposed_reads_published_tables(manifest):
    published = {n["unique_id"] for n in of_type(manifest, "model") if n["config"]["meta"].get("publish")}
    assert {exposure["name"] for exposure in manifest["exposures"].values()} == {"report", "figures"}
    for exposure in manifest["exposures"].values():
        assert set(exposure["depends_on"]["nodes"]) <= published, exposure["name"]


def test_everything_has_a_description(manifest):
    described = [
        *of_type(manifest, "model", "seed", "analysis"),
        *(test for test in of_type(manifest, "test") if not test.get("test_metadata")),
        *manifest["sources"].values(),
        *manifest["exposures"].values(),
    ]
    for node in described:
        assert node["description"].strip(), f"{node['resource_type']} {node['name']} is not described"
    for source in manifest["sources"].values():
        assert source["source_description"].strip(), source["source_name"]
    variants = ("default__", "duckdb__")  # of a macro that is described under its own name
    for macro in manifest["macros"].values():
        if macro["package_name"] == "hubscape" and not macro["name"].startswith(variants):
            assert macro["description"].strip(), f"macro {macro['name']} is not described"
            for argument in macro["arguments"]:
                assert argument["description"].strip(), f"{macro['name']}({argument['name']}) is not described"


def test_the_overview_is_our_own_and_its_links_lead_somewhere(manifest):
    text = manifest["docs"]["doc.hubscape.__overview__"]["block_contents"]
    links = [part.split(")")[0] for part in text.split("](")[1:]]
    assert len(links) >= 7
    for link in links:
        kind, unique_id = link.removeprefix("#!/").split("/")
        assert manifest["nodes"][unique_id]["resource_type"] == kind, link


def test_the_questions_are_those_that_dbt_sees_and_read_what_they_say(manifest):
    analyses = {node["name"]: node for node in of_type(manifest, "analysis")}
    known = read_questions()
    assert known.keys() == analyses.keys() and len(known) >= 25
    published = {node["name"] for node in of_type(manifest, "model") if node["config"]["meta"].get("publish")}
    for question in known.values():
        node = analyses[question.name]
        read = sorted(name(parent) for parent in node["depends_on"]["nodes"])
        assert sorted(question.tables) == read and set(read) <= published
        assert question.text == " ".join(node["description"].split()) and "?" in question.text
        assert question.when_empty.endswith(".") and not {"{{", "{%"} & set(re.findall("{.", question.sql))


def test_figures_and_charts_have_titles_and_an_order():
    questions = read_questions()
    figures = [question for question in questions.values() if question.figure]
    drawings = read_drawings().values()
    assert sorted(figure.figure for figure in figures) == list(range(1, len(figures) + 1))
    assert [drawing.place for drawing in drawings] == list(range(1, len(drawings) + 1))
    assert all(question.title for question in (*figures, *(questions[drawing.question] for drawing in drawings)))


def test_no_two_doc_blocks_say_the_same(manifest):
    names: dict[str, list[str]] = {}
    for block in manifest["docs"].values():
        if block["package_name"] == "hubscape":
            names.setdefault(" ".join(block["block_contents"].split()), []).append(block["name"])
    assert [same for same in names.values() if len(same) > 1] == []
