"""What a reader is told about each model and column, held against the dbt manifest."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from orchestration.release.questions import read_questions
from orchestration.site.charts import read_drawings
from tests.support import PROJECT

DICTIONARY = PROJECT / "docs" / "data_dictionary.md"

# Column names that mean something else in another published table, each with the reason why the name is right in both.
# Everything else has one doc block, and so one meaning, in all tables that are published.
MEANINGS = {
    "company": "as of the snapshot, or of creation with the organization where it has none",
    "country": "the rules of country tables add INT and unattributed as values",
    "datasets_count": "of an account, or those that carry the tag of a paper",
    "definition": "of a derivative, or of how a claim is measured",
    "derivatives_direct_external_rank": "registry gaps rank among all handles and stop at 500",
    "downloads_30d": "a tombstone tells the counter as last seen",
    "downloads_30d_rank": "registry gaps rank among all handles and stop at 500",
    "downloads_all_time": "a tombstone tells it as last seen, adoption at a given age",
    "followers_rank": "registry gaps rank among all handles and stop at 500",
    "handle": "that of a milestone is null where the event is about several accounts",
    "likes": "a tombstone tells the counter as last seen",
    "metric": "what is compared, claimed or concentrated; each table lists its own",
    "models_count": "of an account, or those that carry the tag of a paper",
    "month": "of creation for repositories, of the first daily page for papers",
    "observed_snapshot_date": "the last snapshot of a month, or the one that shows an age",
    "organization": "as of the snapshot, of creation, or as a source names it; the chain puts the others together",
    "papers_count": "of an account, of an organization, or of one month",
    "papers_rank": "within a month, or among all handles up to 500",
    "reason": "why a row was refused, or why a claim is not covered",
    "relation": "counts have `all`, edges `untyped`, links `none` beside the four relations",
    "repo_id": "that of a milestone is null where the event is about no repository",
    "repos_count": "new in a month, or with an observed counter",
    "rule": "a rule for rows, or one that detects milestones",
    "spaces_count": "of an account, of those that use its models, or those that carry the tag of a paper",
    "subject": "whom derivatives are counted for, a claim speaks of, a rule or a ranking looks at",
    "subject_type": "of derivative counts, or of the rule of a milestone",
    "upvotes": "of one paper, or of all papers of a month",
    "value": "a count of derivatives, likes or followers, or what a rule looks at",
    "verdict": "on a check, or on a claim",
    "young_downloads_30d": "of the snapshot itself, or of the last snapshot of a month",
    "young_downloads_share": "of the snapshot itself, or of the last snapshot of a month",
}  # fmt: skip

Manifest = dict[str, Any]


def nodes(manifest: Manifest, *types: str) -> Iterator[dict[str, Any]]:
    return (node for node in manifest["nodes"].values() if node["resource_type"] in types)


def is_published(node: dict[str, Any]) -> bool:
    return bool(node["config"]["meta"].get("publish"))


def test_every_model_says_its_grain_a_question_and_its_caveats(manifest):
    for node in nodes(manifest, "model"):
        meta = node["config"]["meta"]
        name = node["name"]
        assert isinstance(meta.get("grain"), str) and meta["grain"], f"{name} does not say what one row is"
        question = meta.get("question")
        assert isinstance(question, str) and question.endswith("?"), f"{name} does not say what it answers"
        caveats = meta.get("caveats")
        assert isinstance(caveats, list) and 1 <= len(caveats) <= 3, f"{name} needs one to three caveats"
        for caveat in caveats:
            assert isinstance(caveat, str) and caveat.endswith("."), f"a caveat of {name} is no sentence: {caveat}"


def test_no_two_models_answer_the_same_question(manifest):
    questions: dict[str, list[str]] = defaultdict(list)
    for node in nodes(manifest, "model"):
        questions[node["config"]["meta"]["question"]].append(node["name"])
    assert [names for names in questions.values() if len(names) > 1] == []


def test_every_column_is_described_by_one_doc_block(manifest):
    texts = {unique_id: block["block_contents"].split() for unique_id, block in manifest["docs"].items()}
    described = [*nodes(manifest, "model", "seed"), *manifest["sources"].values()]
    for node in described:
        for column in node["columns"].values():
            where = f"{node['name']}.{column['name']}"
            blocks = column["doc_blocks"]
            assert column["description"].strip(), f"{where} is not described"
            assert len(blocks) == 1, f"{where} is not described by exactly one doc block"
            assert column["description"].split() == texts[blocks[0]], f"{where} says more than its doc block"


def test_every_doc_block_describes_a_column(manifest):
    described = [*nodes(manifest, "model", "seed"), *manifest["sources"].values()]
    used = {block for node in described for column in node["columns"].values() for block in column["doc_blocks"]}
    ours = {unique_id for unique_id in manifest["docs"] if unique_id.startswith("doc.hubscape.")}
    assert sorted(ours - used) == ["doc.hubscape.__overview__"]  # the first page of the docs


def test_a_column_name_means_one_thing_in_all_published_tables(manifest):
    blocks: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for node in nodes(manifest, "model"):
        if is_published(node):
            for column in node["columns"].values():
                blocks[column["name"]][column["doc_blocks"][0]].append(node["name"])
    several = {name: dict(tables) for name, tables in blocks.items() if len(tables) > 1}
    assert sorted(several.keys() - MEANINGS.keys()) == [], several
    assert sorted(MEANINGS.keys() - several.keys()) == [], "these have one meaning now: take them off the list"


def test_figures_and_report_are_exposed_with_the_tables_that_their_questions_read(manifest):
    questions = read_questions()
    asked = {
        "figures": [question for question in questions.values() if question.figure],
        "report": [questions[drawing.question] for drawing in read_drawings().values()],
    }
    for name, of in asked.items():
        assert exposed(manifest, name) == sorted({table for question in of for table in question.tables})


def exposed(manifest: Manifest, name: str) -> list[str]:
    exposure = manifest["exposures"][f"exposure.hubscape.{name}"]
    return sorted(manifest["nodes"][unique_id]["name"] for unique_id in exposure["depends_on"]["nodes"])


def test_the_data_dictionary_names_every_table_seed_and_column(manifest):
    text = DICTIONARY.read_text()
    for node in nodes(manifest, "model", "seed"):
        if is_published(node) or node["resource_type"] == "seed":
            section = text.split(f"\n### {node['name']}\n")[1].split("\n### ")[0]
            for column in node["columns"]:
                assert f"\n| `{column}` | " in section, (node["name"], column)
        else:
            assert f"\n| {node['name']} | " in text


def test_every_link_of_the_data_dictionary_leads_to_a_heading():
    text = re.sub(r"<!--.*?-->", "", DICTIONARY.read_text(), flags=re.DOTALL)
    headings = {
        "": [line.lstrip("# ") for line in text.splitlines() if line.startswith("#")],
        "definitions.md": [
            line.lstrip("# ")
            for line in (DICTIONARY.parent / "definitions.md").read_text().splitlines()
            if line.startswith("#")
        ],
    }
    links = re.findall(r"\]\(([a-z_.]*)#([^)]*)\)", text)
    assert links
    for file, anchor in links:
        assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings[file]}
