"""`hubscape figures` prints what the release holds, counted here again in plain Python."""

import gzip
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.days import RECORDED_DATE, RecordedRun
from tests.hubscape import hubscape
from tests.independent.derivatives import DEFINITIONS
from tests.support import recorded_dir

Line = dict[str, str]
FAMILIES = {"Qwen", "Llama", "DeepSeek", "Gemma", "Mistral"}
ROUNDED = 0.00051  # three digits are shown, of halves the even one


@pytest.fixture(scope="module")
def printed(recorded_run: RecordedRun) -> str:
    done = hubscape("figures", recorded_run.environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def table(printed: str, title: str) -> list[Line]:
    """The rows of the table under a title, by the names at its head."""
    below = printed.split(f"\n{title}, snapshot {RECORDED_DATE}\n")[1].split("\n\n")[0].splitlines()
    head = next(line for line in below if line.startswith("┃"))
    names = [cell.strip() for cell in head.strip("┃").split("┃")]
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in below if line.startswith("│")]
    return [dict(zip(names, row, strict=True)) for row in rows]


def published(release: Path, name: str) -> list[dict[str, Any]]:
    path = release / "data" / name / f"{name}.parquet"
    return pq.read_table(path).to_pylist() if path.exists() else []


def number(text: str) -> float:
    return float(text.replace(",", "")) if text else float("nan")


def test_it_says_which_numbers_are_made_up_and_which_are_a_sample(printed):
    lines = printed.splitlines()
    assert lines[0] == "SYNTHETIC: a sandbox made up the numbers of organizations."
    assert lines[1] == "SAMPLE: not the whole Hub, of daily_papers, datasets, models, organizations, spaces."


def test_the_companies_are_those_with_most_children_of_others(printed, recorded_release):
    accounts = {row["handle"].lower(): row for row in published(recorded_release, "dim_organizations")}

    def account(repo_id: str) -> tuple[str, str | None]:
        handle = repo_id.split("/")[0] if "/" in repo_id else ""
        row = accounts.get(handle.lower())
        return (row["organization"], row["company"]) if row else (handle.lower(), None)

    edges: Counter[str] = Counter()
    children: dict[str, set[str]] = defaultdict(set)
    of_others: dict[str, set[str]] = defaultdict(set)
    for edge in published(recorded_release, "fct_lineage_edges"):
        if not edge["is_counted"]:
            continue
        organization, company = account(edge["parent"])
        if company:
            edges[company] += 1
            children[company].add(edge["child_key"])
            if account(edge["child"])[0] != organization:
                of_others[company].add(edge["child_key"])
    first = sorted(of_others, key=lambda company: (-len(of_others[company]), company))[:10]

    shown = table(printed, "Companies with most derivatives")
    assert [row["company"] for row in shown] == first
    for row in shown:
        company = row["company"]
        assert number(row["direct_external"]) == len(of_others[company])
        assert number(row["direct"]) == len(children[company])
        assert number(row["edges"]) == edges[company]


@pytest.mark.parametrize(
    ("title", "column", "subject_type"),
    [
        ("Companies with most derivatives", "company", "company"),
        ("Model families under every definition", "family", "family"),
    ],
)
def test_every_definition_stands_beside_the_others(printed, recorded_release, title, column, subject_type):
    counts = {
        (row["subject"], row["definition"]): row["value"]
        for row in published(recorded_release, "fct_derivative_counts")
        if row["subject_type"] == subject_type and row["relation"] == "all"
    }
    shown = table(printed, title)
    if subject_type == "family":
        assert {row["family"] for row in shown} == FAMILIES
    for row in shown:
        for definition in (*DEFINITIONS, "tagged"):
            value = counts.get((row[column], definition))
            assert (row[definition] == "") == (value is None)
            if value is not None:
                assert number(row[definition]) == pytest.approx(value, abs=ROUNDED)


def test_the_edges_are_all_of_them_by_status(printed, recorded_release):
    edges = Counter(
        (row["status"], "yes" if row["is_counted"] else "no")
        for row in published(recorded_release, "fct_lineage_edges")
    )
    shown = table(printed, "Named parents by what became of them")
    assert {(row["status"], row["counted"]): number(row["edges"]) for row in shown} == edges


def test_the_upvoted_organizations_are_those_of_the_papers(printed, recorded_release):
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    linked: dict[str, list[bool]] = defaultdict(list)
    for paper in published(recorded_release, "fct_papers"):
        month = paper["first_daily_date"].strftime("%Y-%m")
        linked[month].append(paper["handle"] is not None)
        if paper["handle"] is not None:
            votes[month][paper["company"] or paper["organization"]] += paper["upvotes"] or 0

    shown = table(printed, "Most upvoted companies by month")
    assert [row["month"] for row in shown] == sorted(votes, reverse=True)[:12]
    for row in shown:
        first = sorted(votes[row["month"]].items(), key=lambda pair: (-pair[1], pair[0]))[:3]
        assert [row["first"], row["second"], row["third"]] == [f"{name} {count}" for name, count in first]
        unlinked = linked[row["month"]].count(False) / len(linked[row["month"]])
        assert number(row["without_organization"]) == pytest.approx(unlinked, abs=ROUNDED)


def test_the_most_liked_model_is_that_of_the_recorded_rows(printed):
    with gzip.open(recorded_dir() / "models.jsonl.gz", "rt") as lines:
        models = [json.loads(line) for line in lines]
    likes = max(model["likes"] for model in models)
    expected = min(model["id"] for model in models if model["likes"] == likes)

    (shown,) = table(printed, "Most liked model")
    assert (shown["model"], number(shown["likes"])) == (expected, likes)


def test_a_first_release_has_nothing_to_compare_with(printed):
    below = printed.split(f"Renamed and disappeared repositories, snapshot {RECORDED_DATE}\n")[1]
    assert below.startswith("There is no release before to compare with.\n")


def test_the_verdicts_are_those_of_the_claims(printed, recorded_release):
    claims = {row["claim_id"]: row for row in published(recorded_release, "rpt_claims")}
    verdicts = Counter(row["verdict"] for row in claims.values())

    shown = table(printed, "Verdicts on public claims")
    assert {row["verdict"]: number(row["claims"]) for row in shown} == verdicts

    ledger = table(printed, "Public claims beside what is measured")
    assert {row["claim"]: (row["verdict"], row["reason"]) for row in ledger} == {
        key: (row["verdict"], row["reason"] or "") for key, row in claims.items()
    }
    for row in ledger:
        claim = claims[row["claim"]]
        if claim["measured_text"] is None and claim["measured_value"] is not None:
            assert number(row["measured"]) == pytest.approx(claim["measured_value"], abs=0.0001)
        else:
            assert row["measured"] == (claim["measured_text"] or "")


def test_without_a_release_it_says_so_in_one_sentence(tmp_path):
    done = hubscape("figures", {"HUBSCAPE_DATA_DIR": str(tmp_path)})

    assert done.returncode == 1
    assert done.stderr.strip() == f"hubscape: There is no release in {tmp_path}: run `make run` first."
