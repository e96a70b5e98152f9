"""The made-up Hub: a pure function of its arguments, one history seen on many days, every oddity at every scale."""

import datetime
import json
import re
import subprocess
import sys
from collections import Counter

import pytest

from orchestration.sandbox.catalogue import Catalogue
from orchestration.sandbox.ecosystem import synthetic_catalogue
from tests.support import PROJECT

DATE = datetime.date(2026, 11, 23)
RELATIONS = ("finetune", "adapter", "quantized", "merge")
KINDS = ("models", "datasets", "spaces")


@pytest.fixture(scope="module")
def small() -> Catalogue:
    return synthetic_catalogue(scale=0.02, date=DATE)


@pytest.fixture(scope="module")
def full() -> Catalogue:
    return synthetic_catalogue(date=DATE)


@pytest.fixture(scope="module")
def history() -> list[Catalogue]:
    """The same Hub on a day, the next day and 30 days later."""
    return [synthetic_catalogue(scale=0.2, date=DATE + datetime.timedelta(days=days)) for days in (0, 1, 30)]


def model(catalogue: Catalogue, id: str) -> dict:
    (row,) = (row for row in catalogue.models if row["id"] == id)
    return row


def base_tags(row: dict) -> list[str]:
    return [tag for tag in row["tags"] if tag.startswith("base_model:")]


def test_same_arguments_give_the_same_hub_and_another_seed_another_one(small: Catalogue) -> None:
    assert synthetic_catalogue(scale=0.02, date=DATE) == small
    other = synthetic_catalogue(seed=8, scale=0.02, date=DATE)
    assert {row["_id"] for row in other.models}.isdisjoint(row["_id"] for row in small.models)
    assert other.label == "synthetic; seed=8; scale=0.02; date=2026-11-23"
    assert small.synthetic and small.organizations_synthetic


def test_another_process_makes_the_same_hub() -> None:
    program = (
        "import datetime, hashlib; from orchestration.sandbox.ecosystem import synthetic_catalogue as make;"
        "print(hashlib.sha256(repr(make(scale=0.02, date=datetime.date(2026, 11, 23))).encode()).hexdigest())"
    )
    made = {
        subprocess.check_output(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": salt, "PYTHONPATH": "."}, cwd=PROJECT
        )
        for salt in ("1", "2")
    }
    assert len(made) == 1


@pytest.mark.parametrize("date", ["2022-03-01", "2022-03-03", "2024-02-29", "2025-05-06", "2028-01-01"])
def test_any_date_and_seed_gives_a_hub_without_double_keys(date: str) -> None:
    catalogue = synthetic_catalogue(seed=int(date[3]), scale=0.02, date=datetime.date.fromisoformat(date))
    for kind in KINDS:
        rows = getattr(catalogue, kind)
        assert len({row["id"] for row in rows}) == len({row["_id"] for row in rows}) == len(rows)
        assert all(row["createdAt"] < date and row["lastModified"] < date for row in rows)
        assert bool(rows) == (date > "2022-03-02T23:29:04")
    assert len(catalogue.papers) == 731


def test_default_sizes(full: Catalogue) -> None:
    assert full.label == "synthetic; seed=7; scale=1.0; date=2026-11-23"
    assert len(full.models) == pytest.approx(20_000, rel=0.03)
    assert len(full.datasets) == pytest.approx(5_000, rel=0.03)
    assert len(full.spaces) == pytest.approx(5_000, rel=0.03)
    assert 7_000 < sum(map(len, full.papers.values())) < 13_000


def test_shape_of_the_full_size(full: Catalogue) -> None:
    relations = Counter(row["baseModels"]["relation"] for row in full.models if "baseModels" in row)
    shares = [relations[relation] / relations.total() for relation in RELATIONS]
    assert shares == pytest.approx([0.45, 0.20, 0.33, 0.02], abs=0.03)
    for field in ("downloads", "likes"):
        values = sorted((row[field] for row in full.models), reverse=True)
        assert sum(values[: len(values) // 100]) > 0.5 * sum(values), f"{field} has no heavy tail"
    parents = {row["_id"]: [m["_id"] for m in row.get("baseModels", {}).get("models", [])] for row in full.models}
    children = Counter(parent for named in parents.values() for parent in named)
    assert max(children.values()) > 200
    made_up = {row["_id"] for row in full.models if "sandbox-oddity" not in row["tags"]}
    depth, wave = 0, {id for id in made_up if parents[id]}
    while wave:
        depth, wave = depth + 1, {id for id in wave if any(parent in wave for parent in parents[id])}
    assert 7 <= depth <= 16
    spike = sum(row["createdAt"] == "2022-03-02T23:29:04.000Z" for row in full.models)
    assert 0.01 < spike / len(full.models) < 0.05
    for field in ("pipeline_tag", "library_name"):
        assert 0.1 < sum(field not in row for row in full.models) / len(full.models) < 0.5
    assert any(not any(tag.startswith("license:") for tag in row["tags"]) for row in full.models)


def test_keys_are_unique(full: Catalogue, small: Catalogue) -> None:
    for catalogue in (full, small):
        for kind in KINDS:
            rows = getattr(catalogue, kind)
            assert len({row["id"] for row in rows}) == len({row["_id"] for row in rows}) == len(rows)
        spellings = Counter(row["id"].lower() for row in catalogue.models)
        assert [id for id, count in spellings.items() if count > 1] == ["sandbox-user-00003/case-twin"]
        listed = Counter(item["paper"]["id"] for page in catalogue.papers.values() for item in page)
        per_page = [{item["paper"]["id"] for item in page} for page in catalogue.papers.values()]
        assert sum(count > 1 for count in listed.values()) == 24, "one paper a month comes back, and no two share an id"
        assert sum(map(len, per_page)) == listed.total(), "a page names a paper twice"


INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
COMMON = {
    "_id": re.compile(r"[0-9a-f]{24}"),
    "id": re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}"),
    "author": str,
    "sha": re.compile(r"[0-9a-f]{40}"),
    "createdAt": INSTANT,
    "lastModified": INSTANT,
    "private": bool,
    "disabled": bool,
    "likes": int,
    "trendingScore": int,
    "tags": list,
}
COUNTED = {"downloads": int, "downloadsAllTime": int}
OPTIONAL = {
    "models": {"usedStorage": int, "pipeline_tag": str, "library_name": str, "safetensors": dict, "gguf": dict}
    | {"baseModels": dict, "inference": str},
    "datasets": {"usedStorage": int, "mainSize": int},
    "spaces": {"usedStorage": int, "models": list, "datasets": list, "subdomain": str},
}
NEEDED = {
    "models": COMMON | COUNTED | {"modelId": str, "gated": (bool, str)},
    "datasets": COMMON | COUNTED | {"gated": (bool, str)},
    "spaces": COMMON | {"sdk": str},
}


@pytest.mark.parametrize("kind", KINDS)
def test_rows_have_the_fields_and_types_of_the_api(full: Catalogue, kind: str) -> None:
    rows = getattr(full, kind)
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    for row in rows:
        assert NEEDED[kind].keys() <= row.keys() <= NEEDED[kind].keys() | OPTIONAL[kind].keys()
        for field, value in row.items():
            expected = (NEEDED[kind] | OPTIONAL[kind])[field]
            if isinstance(expected, re.Pattern):
                assert expected.fullmatch(value), (row["id"], field)
            else:
                assert isinstance(value, expected), (row["id"], field)
                assert isinstance(value, bool) or not isinstance(value, int) or 0 <= value < 2**63
        assert row["author"] == row["id"].split("/")[0]
        assert row.get("gated", False) in (False, "auto", "manual") and row["private"] is False
        assert row["createdAt"] < f"{DATE}" and row["lastModified"] < f"{DATE}"
        assert row.get("modelId", row["id"]) == row["id"]
        assert row.get("downloads", 0) <= row.get("downloadsAllTime", 0)
    fields = {field for row in rows for field in row}
    assert fields == NEEDED[kind].keys() | OPTIONAL[kind].keys(), "a field never occurs"
    assert len({row.get("gated") for row in rows}) == (1 if kind == "spaces" else 3)


def test_references_lead_somewhere(full: Catalogue) -> None:
    papers = {item["paper"]["id"] for page in full.papers.values() for item in page}
    linked = [t for kind in ("models", "datasets") for r in getattr(full, kind) for t in r["tags"] if t[:6] == "arxiv:"]
    assert len(linked) > 1_000
    assert {tag.removeprefix("arxiv:") for tag in linked} <= papers
    ids = {kind: {row["id"] for row in getattr(full, kind)} for kind in KINDS}
    for kind in ("models", "datasets"):
        used = {id for space in full.spaces for id in space.get(kind, [])}
        assert len(used) > 100 and used <= ids[kind]
    assert any(tag.removeprefix("dataset:") in ids["datasets"] for row in full.models for tag in row["tags"])
    uids = {row["_id"] for row in full.models}
    for row in full.models:
        for parent in row.get("baseModels", {}).get("models", []):
            assert parent["_id"] in uids
            tags = (f"base_model:{parent['id']}", f"base_model:{row['baseModels']['relation']}:{parent['id']}")
            assert all(row["tags"].count(tag) == 1 for tag in tags)
    for (kind, old), new in full.renames.items():
        assert new in ids[kind] and old not in ids[kind]


def test_users_are_made_up_and_organizations_real(full: Catalogue) -> None:
    owners = {row["author"] for kind in KINDS for row in getattr(full, kind)}
    made_up = {owner for owner in owners if re.fullmatch(r"sandbox-(user-\d{5}|org-\d{3})", owner)}
    assert len(made_up) > 1_000
    assert {"Qwen", "meta-llama", "google", "deepseek-ai", "mistralai", "bartowski"} <= owners - made_up
    assert len(owners - made_up) < 400  # accounts of the registry, and a few of recorded rows
    roots = {parent["id"] for row in full.models for parent in row.get("baseModels", {}).get("models", [])}
    assert {"Qwen/Qwen3-8B", "meta-llama/Llama-3.1-8B", "google/gemma-2-9b"} <= roots


def test_chain_merge_loops_and_cycle(small: Catalogue) -> None:
    parents = {row["id"]: [m["id"] for m in row.get("baseModels", {}).get("models", [])] for row in small.models}
    step, steps = "sandbox-user-00001/chain-75", 0
    while parents[step]:
        (step,), steps = parents[step], steps + 1
    assert (step, steps) == ("Qwen/Qwen3-8B", 75)
    assert len(set(parents["sandbox-user-00001/merge-of-47"])) == 47
    assert sum(id in named for id, named in parents.items()) == 3
    walk = ["sandbox-user-00002/cycle-a"]
    for _ in range(3):
        walk += parents[walk[-1]]
    assert walk[0] == walk[3] and len(set(walk)) == 3


def test_parents_that_are_no_repositories(small: Catalogue) -> None:
    odd = [row for row in small.models if "/no-parent-" in row["id"]]
    assert {base_tags(row)[0] for row in odd} == {
        "base_model:/cache/models/x",
        "base_model:C:\\Models\\x",
        "base_model:gpt2",
        "base_model:./output/checkpoint-500",
        "base_model:sandbox-gone/never-published",
    }
    assert all(len(base_tags(row)) == 2 and "baseModels" not in row for row in odd)
    declared = model(small, "sandbox-user-00004/declared-only")
    assert base_tags(declared) == ["base_model:sandbox-gone/never-published"]


def test_renamed_and_removed_parents(small: Catalogue) -> None:
    old, new = "sandbox-user-00019/before-rename", "sandbox-user-00019/after-rename"
    assert small.renames[("models", old)] == new
    child = model(small, "sandbox-user-00019/child-of-renamed-by-hub")
    assert child["baseModels"]["models"] == [{"_id": model(small, new)["_id"], "id": old}]
    assert f"base_model:finetune:{old}" in child["tags"]
    assert "baseModels" not in model(small, "sandbox-user-00019/child-of-renamed-by-tag")
    assert not any(row["id"] == "sandbox-user-00019/removed" for row in small.models)
    orphan = model(small, "sandbox-user-00019/child-of-removed-by-hub")
    assert "baseModels" not in orphan and "base_model:finetune:sandbox-user-00019/removed" in orphan["tags"]
    assert small.renames[("models", "THUDM/chatglm-6b")] == "zai-org/chatglm-6b"
    assert {kind for kind, _ in small.renames} == set(KINDS)


def test_odd_models(small: Catalogue) -> None:
    upper, lower = model(small, "sandbox-user-00003/Case-Twin"), model(small, "sandbox-user-00003/case-twin")
    assert upper["_id"] != lower["_id"]
    assert model(small, "sandbox-user-00003/child-of-upper")["baseModels"]["models"][0]["_id"] == upper["_id"]
    assert model(small, "sandbox-user-00007/10e0")
    assert len(set(model(small, "sandbox-user-00005/two-thousand-tags")["tags"])) == 2_074
    assert model(small, "sandbox-user-00005/twenty-quadrillion")["safetensors"]["total"] == 2 * 10**16
    assert "sandbox dtype" in model(small, "sandbox-user-00005/own-dtype")["safetensors"]["parameters"]
    assert [row["id"] for row in small.models if row["lastModified"] < row["createdAt"]] == [
        "sandbox-user-00005/updated-before-created"
    ]
    bare = model(small, "sandbox-user-00005/bare")
    assert not {"pipeline_tag", "library_name", "safetensors", "baseModels", "usedStorage"} & bare.keys()
    assert sum(row["createdAt"] == "2022-03-02T23:29:04.000Z" for row in small.models) > 5
    assert sum("gguf" in row for row in small.models) > 5


def test_daily_papers(full: Catalogue, small: Catalogue) -> None:
    for catalogue in (full, small):
        days = [datetime.date.fromisoformat(day) for day in catalogue.papers]
        assert days == [DATE - datetime.timedelta(days=back) for back in range(730, -1, -1)]
        items = [(day, item) for day, page in catalogue.papers.items() for item in page]
        assert json.loads(json.dumps(catalogue.papers)) == catalogue.papers
        assert any("\n" in item["title"] for _, item in items)
        settled = [item["paper"]["upvotes"] for day, item in items if day < "2026-11-01"]
        assert min(settled) == 0 and max(settled) > 30
        assert [len(item["paper"]["authors"]) for _, item in items if len(item["paper"]["authors"]) > 10] == [664]
        shown = Counter(item["paper"]["id"] for _, item in items)
        assert 2 in shown.values()
        for day, item in items:
            paper = item["paper"]
            assert re.fullmatch(r"\d{4}\.\d{5}", paper["id"])
            assert paper["title"] == item["title"] and paper["title"].startswith("Synthetic study ")
            assert all(author["name"].startswith("Sandbox Author ") for author in paper["authors"])
            assert INSTANT.fullmatch(paper["publishedAt"]) and INSTANT.fullmatch(item["publishedAt"])
            assert f"{paper['publishedAt'][2:4]}{paper['publishedAt'][5:7]}" == paper["id"][:4]
            assert item["publishedAt"] < paper["publishedAt"] < paper["submittedOnDailyAt"] < f"{day}T01:00"
            assert day >= "2025-10-03" or not {"organization"} & (item.keys() | paper.keys())
    since = [item for day, page in full.papers.items() if day >= "2025-10-03" for item in page]
    without = [item for item in since if "organization" not in item and "organization" not in item["paper"]]
    assert len(without) / len(since) == pytest.approx(0.45, abs=0.03)
    assert any("organization" in item and "organization" not in item["paper"] for item in since)
    assert any("organization" in item["paper"] and "organization" not in item for item in since)
    sizes = Counter()
    for day, page in full.papers.items():
        sizes[datetime.date.fromisoformat(day).weekday() > 4] += len(page)
    assert sizes[False] / 5 > 2 * sizes[True] / 2, "weekdays are no denser than weekends"


def test_organizations(full: Catalogue) -> None:
    assert full.organizations["qwen"]["name"] == "Qwen" and full.organizations["qwen"]["fullname"] == "Qwen team"
    assert not {"thudm", "cohereforai", "cognitivecomputations"} & full.organizations.keys()
    invented = {key for key in full.organizations if key.startswith("sandbox-org-")}
    assert len(invented) > 50 and not any(key.startswith("sandbox-user-") for key in full.organizations)
    for key, overview in full.organizations.items():
        assert overview["name"].lower() == key
        for field, kind in (("numModels", "models"), ("numDatasets", "datasets"), ("numSpaces", "spaces")):
            assert overview[field] == sum(row["author"].lower() == key for row in getattr(full, kind)), (key, field)
        assert overview.keys() - {"plan"} == {
            *("_id", "name", "fullname", "isVerified", "numUsers", "numModels", "numDatasets", "numSpaces"),
            *("numPapers", "numFollowers"),
        }
    assert {overview.get("plan") for overview in full.organizations.values()} == {None, "team", "enterprise"}
    named = {item["paper"].get("organization", {}).get("name", "") for page in full.papers.values() for item in page}
    known = [full.organizations[name.lower()] for name in named if name.lower() in full.organizations]
    assert len(known) > 100 and all(overview["numPapers"] > 0 for overview in known)
    followers = sorted((overview["numFollowers"] for overview in full.organizations.values()), reverse=True)
    assert sum(followers[:30]) > 0.5 * sum(followers)


@pytest.mark.parametrize("kind", KINDS)
def test_two_days_are_one_history(history: list[Catalogue], kind: str) -> None:
    today, tomorrow, later = ({row["_id"]: row for row in getattr(day, kind)} for day in history)
    for before, after in ((today, tomorrow), (tomorrow, later)):
        stayed = before.keys() & after.keys()
        assert len(stayed) > 0.97 * len(before)
        for id in stayed:
            assert before[id]["createdAt"] == after[id]["createdAt"]
            assert before[id]["lastModified"] <= after[id]["lastModified"]
            assert (before[id]["sha"] == after[id]["sha"]) == (before[id]["lastModified"] == after[id]["lastModified"])
            assert before[id].get("downloadsAllTime", 0) <= after[id].get("downloadsAllTime", 0)
            assert before[id]["likes"] <= after[id]["likes"]
    new, gone = later.keys() - today.keys(), today.keys() - later.keys()
    assert 0.04 < len(new) / len(today) < 0.13, "1 to 3 % a week"
    assert all(later[id]["createdAt"] >= f"{DATE}" for id in new)
    assert gone, "none was deleted"
    renamed = {id: (today[id]["id"], later[id]["id"]) for id in today.keys() & later.keys()}
    renamed = {id: names for id, names in renamed.items() if names[0] != names[1]}
    assert renamed and all(history[2].renames[(kind, old)] == new for old, new in renamed.values())
    assert not any((kind, old) in history[0].renames for old, _ in renamed.values())
    changed = sum(today[id]["lastModified"] != later[id]["lastModified"] for id in today.keys() & later.keys())
    assert 0 < changed < len(today) / 2


def test_counters_followers_and_upvotes_move(history: list[Catalogue]) -> None:
    today, tomorrow, later = ({row["_id"]: row for row in day.models} for day in history)
    both = today.keys() & tomorrow.keys()
    assert sum(today[id]["downloadsAllTime"] < tomorrow[id]["downloadsAllTime"] for id in both) > len(both) / 10
    both = today.keys() & later.keys()
    assert any(today[id]["downloads"] > later[id]["downloads"] for id in both), "no downloads ever fall"
    assert any(today[id]["downloads"] < later[id]["downloads"] for id in both)
    followers = [{key: row["numFollowers"] for key, row in day.organizations.items()} for day in history]
    same = followers[0].keys() & followers[2].keys()
    assert all(followers[0][key] <= followers[2][key] for key in same)
    assert sum(followers[0][key] < followers[1][key] for key in same) > 10
    upvotes = [
        {item["paper"]["id"]: item["paper"]["upvotes"] for page in day.papers.values() for item in page}
        for day in history
    ]
    fresh = [item["paper"]["id"] for item in history[0].papers[f"{DATE}"]]
    assert sum(upvotes[0][id] for id in fresh) < sum(upvotes[2][id] for id in fresh)
    old = [item["paper"]["id"] for item in history[0].papers["2026-09-01"]]
    assert [upvotes[0][id] for id in old] == [upvotes[2][id] for id in old], "old upvotes do not settle"


def test_a_scale_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0, not 0"):
        synthetic_catalogue(scale=0, date=DATE)
