"""The registry seeds keep the promises that SQL, the sandbox and readers rely on."""

import csv
import datetime as dt
import gzip
import json
import re
from collections import defaultdict

import pytest

from tests.support import PROJECT, recorded_dir

SEEDS = PROJECT / "dbt_project" / "seeds"
HANDLE = re.compile(r"[A-Za-z0-9._-]{1,96}")
COUNTRY = re.compile(r"[A-Z]{2}|INT")


def rows(name: str) -> list[dict[str, str]]:
    with (SEEDS / f"registry_{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def reference(name: str) -> list[dict[str, str]]:
    """The facts that a seed was made from; skips the calling test where they are absent."""
    file = PROJECT.parent / "shared" / "reference" / f"{name}.csv"
    if not file.is_file():
        pytest.skip(f"no reference facts at {file}")
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def organizations() -> dict[str, dict[str, str]]:
    """By handle; of several rows the last, which is the one in force."""
    return {row["handle"]: row for row in sorted(rows("organizations"), key=lambda row: row["valid_from"])}


@pytest.fixture(scope="module")
def families() -> dict[str, re.Pattern[str]]:
    return {row["family"]: re.compile(row["name_pattern"]) for row in rows("families")}


def test_headers():
    assert list(rows("organizations")[0]) == [
        "handle",
        "organization",
        "company",
        "company_country",
        "country",
        "category",
        "valid_from",
        "valid_to",
        "successor_handle",
        "confidence",
        "note",
    ]
    assert list(rows("families")[0]) == ["family", "root_handle", "name_pattern", "except_pattern", "note"]
    assert list(rows("milestones")[0]) == [
        "milestone_id",
        "event_date",
        "date_precision",
        "event_type",
        "organization",
        "handle",
        "repo_id",
        "title",
        "hub_created_at",
        "source_url",
    ]


def test_values_are_trimmed_single_lines():
    for name in ("organizations", "families", "milestones", "claims", "claim_metrics", "infrastructure"):
        for row in rows(name):
            for column, value in row.items():
                assert value == " ".join(value.split()), f"{name}: {column} of {row}"


def test_every_handle_stands_once_for_any_day_whatever_its_case(organizations):
    assert len({(row["handle"].lower(), row["valid_from"]) for row in rows("organizations")}) == len(
        rows("organizations")
    )
    assert len({handle.lower() for handle in organizations}) == len(organizations)
    assert all(HANDLE.fullmatch(handle) for handle in organizations)


def test_an_acquired_company_keeps_its_own_days():
    periods = [row for row in rows("organizations") if row["handle"] == "mosaicml"]
    assert [(row["company"], row["valid_from"], row["valid_to"]) for row in periods] == [
        ("MosaicML", "", "2023-07-19"),
        ("Databricks", "2023-07-19", ""),
    ]


@pytest.mark.parametrize(
    ("handle", "companies", "day"),
    [
        ("xai-org", ["xAI", "SpaceX"], "2026-02-02"),
        ("jinaai", ["Jina AI", "Elastic"], "2025-10-09"),
        ("ggml-org", ["", "Hugging Face"], "2026-02-20"),
    ],
)
def test_an_account_changes_its_company_on_a_day(handle, companies, day):
    periods = [row for row in rows("organizations") if row["handle"] == handle]
    assert [row["company"] for row in periods] == companies
    assert [(row["valid_from"], row["valid_to"]) for row in periods] == [("", day), (day, "")]


def test_a_company_is_one_house_and_an_alias_of_one(organizations):
    companies = {row["company"] for row in organizations.values()} - {""}
    assert not [company for company in companies if " / " in company]
    aliases = rows("aliases")
    assert len({row["alias"].lower() for row in aliases}) == len(aliases)
    assert {row["company"] for row in aliases} <= companies
    assert not {row["alias"] for row in aliases} & companies


def test_organization_values(organizations):
    for row in organizations.values():
        assert row["organization"]
        assert COUNTRY.fullmatch(row["country"])
        assert bool(row["company"]) == bool(row["company_country"]), row
        assert not row["company_country"] or COUNTRY.fullmatch(row["company_country"])
        assert row["category"] in {"big_tech", "startup", "research", "community"}
        assert row["confidence"] in {"high", "medium", "low"}
        assert "(" not in row["company"] or row["company"] == "Kanzhun (BOSS Zhipin)", row


def test_all_handles_of_a_company_share_its_headquarters(organizations):
    countries = defaultdict(set)
    for row in organizations.values():
        if row["company"]:
            countries[row["company"]].add(row["company_country"])
    assert {company: found for company, found in countries.items() if len(found) != 1} == {}


@pytest.mark.parametrize(
    ("handle", "company", "country"),
    [
        ("deepmind", "Google", "US"),
        ("docling-project", "IBM", "US"),
        ("jinaai", "Elastic", "US"),
        ("ggml-org", "Hugging Face", "US"),
        ("mosaicml", "Databricks", "US"),
        ("openai-community", "", ""),
        ("bigcode", "", ""),
        ("openbmb", "", ""),
        ("deepseek-ai", "DeepSeek", "CN"),
        ("metaresearch", "Meta", "US"),
        ("acvlab", "Alibaba", "CN"),
        ("sensenova", "SenseTime", "HK"),
    ],
)
def test_reviewed_companies(organizations, handle, company, country):
    assert (organizations[handle]["company"], organizations[handle]["company_country"]) == (company, country)


@pytest.mark.parametrize(
    ("former", "successor"),
    [("THUDM", "zai-org"), ("CohereForAI", "CohereLabs"), ("cognitivecomputations", "dphn")],
)
def test_a_former_handle_is_the_same_organization(organizations, former, successor):
    old, new = organizations[former], organizations[successor]
    assert old["successor_handle"] == successor
    assert old["note"]
    shared = ("organization", "company", "company_country", "country", "category")
    assert [old[column] for column in shared] == [new[column] for column in shared]


def test_successors_exist(organizations):
    successors = {row["successor_handle"] for row in organizations.values()} - {""}
    assert successors <= set(organizations)


def test_a_family_has_one_pattern_and_distinct_roots():
    patterns, roots = defaultdict(set), set()
    for row in rows("families"):
        patterns[row["family"]].add((row["name_pattern"], row["except_pattern"]))
        assert (row["family"], row["root_handle"].lower()) not in roots
        roots.add((row["family"], row["root_handle"].lower()))
        assert HANDLE.fullmatch(row["root_handle"])
    assert all(len(found) == 1 for found in patterns.values())


def test_patterns_are_portable():
    # Look-around, back-references, escapes and lazy repeats differ between RE2, Java and Python.
    for row in rows("families"):
        for pattern in (row["name_pattern"], row["except_pattern"]):
            assert not re.search(r"\\|\(\?|[*+?]\?", pattern), row
            assert pattern == pattern.lower()


def test_former_handles_are_roots_of_their_family():
    roots = {(row["family"], row["root_handle"]) for row in rows("families")}
    assert {("GLM", "THUDM"), ("GLM", "zai-org")} <= roots


@pytest.mark.parametrize(
    ("family", "text"),
    [
        ("Qwen", "qwen/qwen3-8b"),
        ("Qwen", "someone/qwq-32b-gguf"),
        ("Llama", "meta-llama/llama-3.1-8b"),
        ("Llama", "codellama/codellama-7b-hf"),
        ("Llama", "license:llama3.2"),
        ("DeepSeek", "base_model:deepseek-ai/deepseek-r1"),
        ("Gemma", "google/medgemma-4b-it"),
        ("Mistral", "mistralai/mixtral-8x7b-v0.1"),
        ("GLM", "zai-org/glm-4.5"),
        ("GLM", "thudm/chatglm-6b"),
        ("Kimi", "moonshotai/moonlight-16b-a3b"),
        ("MiniMax", "unsloth/minimax-m2-gguf"),
        ("ERNIE", "baidu/ernie-4.5-0.3b-paddle"),
        ("Hunyuan", "tencent/hy3-preview"),
        ("Phi", "microsoft/phi-4"),
        ("Phi", "phi3"),
        ("FLUX", "someone/my-flux-lora"),
        ("Stable Diffusion", "stabilityai/sdxl-turbo"),
        ("Stable Diffusion", "diffusers:stablediffusionpipeline"),
        ("Yi", "01-ai/yi-34b"),
        ("Step", "stepfun-ai/step-3.5-flash"),
        ("SmolLM", "huggingfacetb/smollm3-3b"),
        ("Whisper", "openai/whisper-large-v3"),
    ],
)
def test_patterns_find_their_family(families, family, text):
    assert families[family].search(text)


@pytest.mark.parametrize(
    ("family", "text"),
    [
        ("Phi", "dphn/dolphin-2.9"),
        ("Phi", "someone/delphi-4"),
        ("Phi", "someone/sapphire-3"),
        ("Llama", "tinyllama/tinyllama-1.1b"),
        ("Llama", "llama.cpp"),
        ("Llama", "ollama"),
        ("Llama", "llama"),
        ("GLM", "someone/glmnet"),
        ("Yi", "someone/yi"),
        ("Yi", "someone/xyi-34b"),
        ("Step", "someone/model-step-1000"),
        ("Step", "someone/model-step-3000"),
        ("ERNIE", "bernie"),
        ("Kimi", "kimiko/model"),
        ("Hunyuan", "hy6/model"),
        ("MiniMax", "minimax-chess"),
        ("Falcon", "falconsai/nsfw"),
        ("FLUX", "influx"),
        ("OLMo", "olmocr"),
        ("Whisper", "whispering"),
    ],
)
def test_patterns_pass_over_their_neighbours(families, family, text):
    assert not families[family].search(text)


def test_milestones_are_dated_keyed_and_sourced():
    milestones = rows("milestones")
    assert len({row["milestone_id"] for row in milestones}) == len(milestones)
    for row in milestones:
        date = dt.date.fromisoformat(row["event_date"])
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", row["milestone_id"]), row
        assert row["milestone_id"].startswith(str(date)[: 10 if row["date_precision"] == "day" else 7])
        assert row["date_precision"] in {"day", "month"}
        assert row["date_precision"] == "day" or date.day == 1
        assert not row["hub_created_at"] or dt.date.fromisoformat(row["hub_created_at"])
        assert not row["repo_id"] or re.fullmatch(r"[\w.-]+/[\w.-]+", row["repo_id"]), row
        assert re.match(r"https?://", row["source_url"])
        assert row["title"]
    assert milestones == sorted(milestones, key=lambda row: (row["event_date"], row["milestone_id"]))


def test_a_milestone_repo_lies_under_its_handle():
    for row in rows("milestones"):
        assert not row["repo_id"] or row["repo_id"].split("/")[0] == row["handle"], row


def test_milestones_are_those_of_the_reference():
    # The reference writes a month without a day and remarks behind a date or an id; the seed has a key besides.
    facts = [
        row
        | {
            "event_date": row["event_date"] + "-01" * (row["event_date"].count("-") == 1),
            "repo_id": row["repo_id"].split(" ")[0],
            "hub_created_at": row["hub_created_at"].split(" ")[0],
        }
        for row in reference("milestones")
    ]
    kept = {row["milestone_id"]: row for row in rows("milestones")}
    # The seed has moved on: creation days from recorded rows, days of weights, announcements and what was missing.
    moved = {
        "2022-04-07-gpt-neox-20b": "2022-02-02",
        "2023-05-04-starcoder": "2023-05-09",
        "2023-09-06-baichuan-2": "2023-09-20",
        "2023-11-29-deepseek-llm": "2023-11-28",
        "2023-12-13-phi-2": "2023-12-12",
        "2024-04-04-command-r": "2024-04-03",
        "2025-01-08-phi-4": "2024-12-13",
        "2026-02-01-step-3-5-flash": "2026-01-29",
        "2026-02-16-qwen3-5-397b-a17b": "2026-02-15",
        "2026-04-27-mimo-v2-5-pro": "2026-04-22",
        "2026-06-02-minimax-m3": "2026-06-01",
        "2026-06-16-glm-5-2": "2026-06-13",
    }
    added = {"2025-02-20-supergpqa", "2025-04-17-ui-tars-1-5", "2025-05-08-seed-coder"}
    compared = ("date_precision", "event_type", "organization", "handle")
    known = [
        (moved.get(key, row["event_date"]), *(row[column] for column in compared))
        for key, row in kept.items()
        if key not in added and row["event_type"] != "announcement"
    ]
    assert sorted(known) == sorted((row["event_date"], *(row[column] for column in compared)) for row in facts)
    created = {(row["repo_id"], row["hub_created_at"]) for row in facts if row["repo_id"] and row["hub_created_at"]}
    assert created <= {(row["repo_id"], row["hub_created_at"]) for row in kept.values()}


def test_a_model_is_dated_by_its_weights_and_announced_before():
    milestones = rows("milestones")
    for row in milestones:
        later = [other for other in milestones if other["repo_id"] == row["repo_id"] != "" and other is not row]
        if row["event_type"] == "announcement":
            assert [other["event_type"] for other in later] == ["model"], row
            assert row["event_date"] < later[0]["event_date"], row
        if row["event_type"] == "model" and row["hub_created_at"] > "2022-03-02":
            assert row["event_date"] >= row["hub_created_at"], row


def test_creation_days_are_those_of_the_recorded_rows():
    recorded = {}
    for name in ("models_trending", "models"):
        with gzip.open(recorded_dir() / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            recorded |= {row["id"].lower(): row["createdAt"][:10] for row in map(json.loads, lines)}
    found = [
        (row, recorded[row["repo_id"].lower()]) for row in rows("milestones") if row["repo_id"].lower() in recorded
    ]
    assert len(found) > 25
    for row, day in found:
        assert row["hub_created_at"] == day, row


def test_claims_are_those_of_the_reference():
    sources = {row["source"]: row for row in reference("sources")}
    facts = {row["claim_id"]: row for row in reference("claims")}
    claims = {row["claim_id"]: row for row in rows("claims")}
    assert list(claims) == list(facts)
    moved_on = set()
    for claim, row in claims.items():
        fact, source = facts[claim], sources[row["source"]]
        assert (row["claimed_value"], row["comparator"]) == (fact["value"], fact["comparator"])
        moved_on |= {(claim, name) for name in fact.keys() & row.keys() - {"note"} if row[name] != fact[name]}
        said = (row["publisher"], row["source_title"], row["source_url"])
        assert said == (source["publisher"], source["title"], source["url"])
        assert row["published_date"].startswith(source["date"]) and row["sentence"]
    external = {"kimi_k2_milestone", "glm_45_milestone", "minimax_m2_milestone", "ai_plus"}
    assert moved_on == {
        *((claim, column) for claim in external for column in ("kind", "metric")),
        *((claim, "statement") for claim in external - {"ai_plus"}),
        *(("qwen_most_derivatives", column) for column in ("kind", "metric")),
        ("baidu_releases", "metric"),
        ("cn_new_downloads", "as_of"),
    }


def test_a_tolerance_is_smaller_than_what_is_claimed():
    for row in rows("claims"):
        assert bool(row["tolerance"]) == (row["comparator"] == "~" and row["kind"] != "external"), row
        if row["unit"] == "share" and row["tolerance"]:
            claimed = float(row["claimed_value"])
            assert float(row["tolerance"]) * claimed < (1 - claimed) / 2, row


def test_infrastructure_is_that_of_the_reference():
    facts = reference("infrastructure")
    named = facts[0]["source"]
    for row in facts:
        # "same" means nothing in a row by itself.
        row["source"] = re.sub("^same", named, row["source"])
        row["external_value"] = row.pop("value")
    assert [sorted(row.items()) for row in rows("infrastructure")] == [sorted(row.items()) for row in facts]


def test_claim_metrics_are_the_ones_that_claims_name():
    metrics = rows("claim_metrics")
    assert [row["metric"] for row in metrics] == sorted({row["metric"] for row in rows("claims")})
    for row in metrics:
        assert bool(row["rests_on"]) != row["metric"].startswith("external."), row
        assert row["needs_whole_hub"] in {"true", "false"}
        assert row["definition"]
