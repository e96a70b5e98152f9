"""A release folder: same rows, same bytes; and an audit that sees every way in which the bytes can be wrong."""

import datetime as dt
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from orchestration.checks.build_log import require_built, require_built_from
from orchestration.checks.verdicts import Verdict, require_verdict, write_verdict
from orchestration.ground.errors import HubscapeError
from orchestration.ground.files import sha256_of
from orchestration.ground.text import for_markdown
from orchestration.release import export
from orchestration.release.audit import audit, require_intact, require_sound
from orchestration.release.build import build_release, release_dir, set_aside, sweep
from orchestration.release.card import render_card
from orchestration.release.citation import render_citation
from orchestration.release.contract import Column, Contract, PublishedTable, read_contract
from orchestration.release.datapackage import (
    CheckResult,
    DataPackage,
    FieldDescriptor,
    Provenance,
    RawSource,
    Resource,
    TableSchema,
    changes,
    coverage,
)
from orchestration.release.export import export_tables, open_warehouse
from orchestration.site.report import write_pages

DAY = dt.date(2026, 1, 2)
PAPERS = PublishedTable(
    name="fct_votes",
    title="Papers",
    grain="paper",
    description="Daily papers.",
    key=("paper_id",),
    columns=(
        Column("paper_id", "varchar", "The paper."),
        Column("upvotes", "bigint", "Votes | counted."),
        Column("observed_at", "timestamptz", "When."),
    ),
    question="Which papers got most votes?",
    caveats=("Votes are those of one day.",),
    carries_history=True,
)
EMPTY = PublishedTable(
    "quarantine", "Left out", "row", "Rows left out.", ("row_key",), (Column("row_key", "varchar", "Key."),)
)
CONTRACT = Contract((PAPERS, EMPTY), frozenset({"model.hubscape.fct_votes", "test.hubscape.unique"}))


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("create table quarantine (row_key varchar)")
        connection.execute("create table fct_votes (observed_at timestamptz, upvotes bigint, paper_id varchar)")
        connection.execute(
            "insert into fct_votes "
            "select timestamptz '2026-01-02 03:04:05+00', i % 7, printf('%05d', i * 7919 % 10007) from range(5000) t(i)"
        )
        connection.execute(
            "create table build_log (unique_id varchar, status varchar, severity varchar, snapshot_date date)"
        )
        connection.execute(
            "insert into build_log values ('model.hubscape.fct_votes', 'success', null, '2026-01-02'),"
            "('test.hubscape.unique', 'pass', 'error', '2026-01-02')"
        )
    return path


def build(warehouse: Path, data_dir: Path, checks: list[CheckResult] | None = None, day: dt.date = DAY) -> Path:
    layers = ("raw", "dbt", "marts")
    passed = [CheckResult(layer=x, table="t", check="c", severity="error", verdict="passed") for x in layers]
    source = RawSource(
        table="daily_papers",
        source="sandbox",
        source_label="synthetic; seed=7",
        synthetic=True,
        rows=5000,
        faulty_rows=0,
        first_observed_at=dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
        last_observed_at=dt.datetime(2026, 1, 2, 1, tzinfo=dt.UTC),
        manifest_sha256="0" * 64,
    )
    with open_warehouse(warehouse) as connection:
        build_release(
            connection,
            CONTRACT,
            data_dir=data_dir,
            snapshot_date=day,
            sources=[source],
            checks=passed if checks is None else checks,
            provenance=Provenance(hubscape="0.1.0", git_commit="abc", packages={"duckdb": "2"}),
            pages=write_pages,
        )
    return release_dir(data_dir, day)


def package_of(resources: list[Resource]) -> DataPackage:
    made = Provenance(hubscape="0.1.0", git_commit="abc", packages={})
    facts = {"synthetic": [], "sources": [], "checks": [], "empty_tables": []}
    return DataPackage(snapshot_date=DAY, provenance=made, resources=resources, **facts)


def problems(folder: Path) -> dict[str, str]:
    return {finding.question: finding.problem for finding in audit(folder, CONTRACT) if finding.problem}


def test_a_release_holds_the_rows_in_order_with_the_contracts_types(warehouse, tmp_path):
    folder = build(warehouse, tmp_path)

    table = pq.read_table(folder / "data" / "fct_votes" / "fct_votes.parquet")
    expected = sorted((f"{i * 7919 % 10007:05d}", i % 7) for i in range(5000))
    assert list(zip(table["paper_id"].to_pylist(), table["upvotes"].to_pylist(), strict=True)) == expected
    assert table.schema.remove_metadata() == pa.schema(
        {"paper_id": pa.string(), "upvotes": pa.int64(), "observed_at": pa.timestamp("us", tz="UTC")}
    )
    assert problems(folder) == {}


COUNTS = PublishedTable(
    "fct_counts", "Counts", "snapshot x handle", "Counts.", ("snapshot_date", "handle"),
    (Column("snapshot_date", "date", "The day."), Column("handle", "varchar", "The handle.")),
)  # fmt: skip


def test_snapshots_are_written_one_after_the_other_in_full_row_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(export, "ROWS_PER_GROUP", 2048)
    with duckdb.connect() as connection:
        connection.execute(
            "create table fct_counts as select date '2026-01-01' + cast(i % 40 as integer) as snapshot_date,"
            " printf('%05d', i * 7919 % 10007) as handle from range(9000) t(i) order by hash(i)"
        )
        file = export_tables(connection, [COUNTS], tmp_path)["fct_counts"]

    rows = pq.read_table(file).to_pylist()
    first = dt.date(2026, 1, 1)
    expected = sorted((first + dt.timedelta(days=i % 40), f"{i * 7919 % 10007:05d}") for i in range(9000))
    assert [(row["snapshot_date"], row["handle"]) for row in rows] == expected
    metadata = pq.read_metadata(file)
    groups = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
    assert groups == [2048, 2048, 2048, 2048, 9000 - 4 * 2048]


def test_a_table_that_does_not_fit_the_memory_is_one_sentence(tmp_path):
    with duckdb.connect(config={"memory_limit": "20MB", "max_temp_directory_size": "0KB"}) as connection:
        connection.execute(
            "create view fct_counts as select date '2026-01-01' as snapshot_date, sha256(cast(i as varchar)) as handle"
            " from range(1000000) t(i)"
        )
        with pytest.raises(HubscapeError, match=r"fct_counts cannot be sorted in a third of HUBSCAPE_MEMORY_LIMIT"):
            export_tables(connection, [COUNTS], tmp_path)


def test_an_empty_table_has_no_file_and_is_named(warehouse, tmp_path):
    folder = build(warehouse, tmp_path)

    assert not (folder / "data" / "quarantine").exists()
    assert json.loads((folder / "datapackage.json").read_text())["empty_tables"] == ["quarantine"]
    assert "| quarantine | no rows in this snapshot, and so no file |" in (folder / "README.md").read_text()


def test_the_card_says_what_a_table_is_good_for(warehouse, tmp_path):
    folder = build(warehouse, tmp_path)
    resource = json.loads((folder / "datapackage.json").read_text())["resources"][0]
    card = (folder / "README.md").read_text()

    assert resource["question"] == "Which papers got most votes?"
    assert resource["caveats"] == ["Votes are those of one day."] and resource["carries_history"] is True
    assert "| paper | Which papers got most votes? | all so far | 5,000 |" in card
    assert "\n- Votes are those of one day.\n" in card


def test_the_same_rows_give_the_same_bytes(warehouse, tmp_path):
    first = build(warehouse, tmp_path / "a")
    with duckdb.connect(warehouse) as connection:  # same rows, stored in another order
        connection.execute(
            "create or replace table fct_votes as select * from fct_votes order by upvotes, paper_id desc"
        )
    second = build(warehouse, tmp_path / "b")

    files = sorted(p.relative_to(first) for p in first.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(second) for p in second.rglob("*") if p.is_file())
    assert [sha256_of(first / f) for f in files] == [sha256_of(second / f) for f in files]


def test_a_release_is_replaced_whole(warehouse, tmp_path):
    folder = build(warehouse, tmp_path)
    (folder / "stale.parquet").write_bytes(b"old")
    leftover = folder.parent / ".building-2026-01-01"
    leftover.mkdir()

    build(warehouse, tmp_path)

    assert sorted(p.name for p in folder.parent.iterdir()) == ["2026-01-02"]
    assert problems(folder) == {}


def test_a_release_whose_replacement_was_killed_between_two_renames_is_put_back(warehouse, tmp_path):
    folder = build(warehouse, tmp_path)
    manifest = (folder / "datapackage.json").read_bytes()
    folder.rename(folder.with_name(f".old-{folder.name}"))
    half = folder.with_name(f".building-{folder.name}")
    half.mkdir()

    sweep(folder.parent)

    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert (folder / "datapackage.json").read_bytes() == manifest


def test_a_refused_release_is_moved_to_where_nobody_reads_it(warehouse, tmp_path):
    folder = build(warehouse, tmp_path)

    aside = set_aside(folder)

    assert not folder.exists() and (aside / "datapackage.json").is_file()
    assert not list(folder.parent.glob("[0-9]*"))


def test_a_warehouse_of_another_raw_snapshot_is_not_released(warehouse):
    now = dt.datetime(2026, 1, 2, 3, tzinfo=dt.UTC)
    source = RawSource(
        table="models",
        source="api",
        source_label="x",
        synthetic=False,
        rows=3,
        faulty_rows=0,
        first_observed_at=now,
        last_observed_at=now,
        manifest_sha256="0" * 64,
    )
    with duckdb.connect(warehouse) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(
            "create table stg_hub__snapshots as select 'models' as table_name, 3::bigint as rows_count, "
            "timestamptz '2026-01-02 03:00:00+00' as first_observed_at, "
            "timestamptz '2026-01-02 03:00:00+00' as last_observed_at"
        )
    with open_warehouse(warehouse) as connection:
        require_built_from(connection, [source])
        later = source.model_copy(update={"last_observed_at": now + dt.timedelta(seconds=1)})
        for other in (later, source.model_copy(update={"rows": 4}), source.model_copy(update={"table": "spaces"})):
            with pytest.raises(HubscapeError, match=f"another snapshot of {other.table} than the lake holds now"):
                require_built_from(connection, [other])


def flip(folder: Path) -> None:
    path = folder / "data" / "fct_votes" / "fct_votes.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def forge_schema(folder: Path) -> None:
    path = folder / "data" / "fct_votes" / "fct_votes.parquet"
    table = pq.read_table(path)
    pq.write_table(table.rename_columns(["paper_id", "votes", "observed_at"]), path)
    relist(folder, path)


def forge_rows(folder: Path) -> None:
    path = folder / "data" / "fct_votes" / "fct_votes.parquet"
    pq.write_table(pq.read_table(path).slice(1), path)
    relist(folder, path)


def relist(folder: Path, path: Path) -> None:
    edit(folder, lambda p: p["resources"][0].update(sha256=sha256_of(path), bytes=path.stat().st_size))


def edit(folder: Path, change) -> None:
    package = json.loads((folder / "datapackage.json").read_text())
    change(package)
    (folder / "datapackage.json").write_text(json.dumps(package))


@pytest.mark.parametrize(
    ("damage", "question"),
    [
        (flip, "bytes_as_listed"),
        (forge_rows, "bytes_as_listed"),
        (forge_schema, "schema_as_contracted"),
        (lambda f: (f / "data" / "fct_votes" / "fct_votes.parquet").unlink(), "files_listed"),
        (lambda f: (f / "data" / "extra.parquet").write_bytes(b"x"), "files_listed"),
        (
            lambda f: (f / "README.md").write_text((f / "README.md").read_text().replace("5,000", "5,001")),
            "card_from_manifest",
        ),
        (lambda f: edit(f, lambda p: p.update(synthetic=[])), "card_from_manifest"),
        (lambda f: edit(f, lambda p: p["resources"][0].update(carries_history=False)), "card_from_manifest"),
        (lambda f: edit(f, lambda p: p["resources"][0].update(question="?")), "card_from_manifest"),
        (lambda f: edit(f, lambda p: p.update(synthetic=[])), "facts_agree"),
        (lambda f: edit(f, lambda p: p.update(snapshot_date="2027-01-01")), "facts_agree"),
        (lambda f: (f / "README.md").write_bytes(b"\xff"), "card_from_manifest"),
        (lambda f: edit(f, lambda p: p.update(empty_tables=[])), "tables_as_contracted"),
        (lambda f: edit(f, lambda p: p["checks"][0].update(verdict="failed")), "checks_passed"),
        (lambda f: edit(f, lambda p: p.update(checks=p["checks"][:2])), "checks_passed"),
        (lambda f: (f / "report.html").write_text((f / "report.html").read_text() + " "), "bytes_as_listed"),
        (lambda f: (f / "CITATION.cff").write_text("title: another\n"), "bytes_as_listed"),
        (lambda f: (f / "DEFINITIONS.md").unlink(), "files_listed"),
        (lambda f: edit(f, lambda p: p["coverage"].update(snapshots=2)), "card_from_manifest"),
        (lambda f: edit(f, lambda p: p.update(repo_id="other/repo")), "card_from_manifest"),
        (lambda f: (f / "datapackage.json").write_text("{"), "manifest_readable"),
        (lambda f: (f / "datapackage.json").unlink(), "manifest_readable"),
    ],
)
def test_the_audit_names_what_is_wrong(warehouse, tmp_path, damage, question):
    folder = build(warehouse, tmp_path)
    damage(folder)

    assert question in problems(folder)
    with pytest.raises(HubscapeError, match=question):
        require_sound(folder, CONTRACT)


def test_a_build_with_a_failed_or_missing_node_is_not_released(warehouse):
    with open_warehouse(warehouse) as connection:
        require_built(connection, CONTRACT, "2026-01-02")
        with pytest.raises(HubscapeError, match="2 of 2 dbt nodes did not pass"):
            require_built(connection, CONTRACT, "2026-01-03")
    with duckdb.connect(warehouse) as connection:
        connection.execute("update build_log set status = 'fail' where unique_id = 'test.hubscape.unique'")
    with open_warehouse(warehouse) as connection, pytest.raises(HubscapeError, match=r"such as test\.hubscape\.unique"):
        require_built(connection, CONTRACT, "2026-01-02")


def test_a_release_from_before_tables_had_questions_can_still_be_restored(warehouse, tmp_path):
    folder = build(warehouse, tmp_path)
    edit(folder, lambda p: [p["resources"][0].pop(name) for name in ("question", "caveats", "carries_history")])

    (resource,) = require_intact(folder).resources
    assert (resource.question, resource.caveats, resource.carries_history) == ("", [], False)


def test_a_release_from_before_there_was_a_report_can_still_be_restored(warehouse, tmp_path):
    folder = build(warehouse, tmp_path)
    package = json.loads((folder / "datapackage.json").read_text())
    for file in package["files"]:
        (folder / file["path"]).unlink()
    edit(folder, lambda p: [p.pop(name) for name in ("files", "coverage", "changes", "repo_id", "report_space")])

    assert require_intact(folder).files == []


def test_a_release_tells_what_changed_since_the_one_before(warehouse, tmp_path):
    build(warehouse, tmp_path)
    with duckdb.connect(warehouse) as connection:
        connection.execute("insert into fct_votes values (timestamptz '2026-01-05 00:00:00+00', 1, 'new')")
        connection.execute("insert into quarantine values ('bad')")
    later = build(warehouse, tmp_path, day=dt.date(2026, 1, 5))
    told = json.loads((later / "datapackage.json").read_text())["changes"]

    assert told["since"] == "2026-01-02"
    assert {c["table"]: (c["rows_before"], c["rows"]) for c in told["tables"]} == {
        "fct_votes": (5000, 5001),
        "quarantine": (None, 1),
    }
    card = (later / "README.md").read_text()
    assert "| fct_votes | 5,000 | 5,001 |" in card and "| quarantine | no file | 1 |" in card


def test_columns_that_came_went_or_changed_their_type_are_told():
    def table(**types: str) -> Resource:
        fields = [FieldDescriptor(name=name, type=kind, description="") for name, kind in types.items()]
        schema = TableSchema(fields=fields, primary_key=["a"])
        facts = {
            "title": "",
            "description": "",
            "grain": "",
            "path": "data/t/t.parquet",
            "rows": 1,
            "bytes": 1,
            "sha256": "",
        }
        return Resource(name="t", table_schema=schema, **facts)

    before = package_of([table(a="string", b="integer", c="date")])
    (change,) = changes(before, [table(a="string", b="number", d="date")]).tables
    assert (change.columns_added, change.columns_removed, change.columns_retyped) == (["d"], ["c"], ["b"])
    assert changes(before, before.resources).tables == []


@given(st.sets(st.dates(dt.date(2026, 1, 1), dt.date(2026, 3, 1)), min_size=1))
def test_the_days_without_a_snapshot_are_exactly_those_between(days):
    found = coverage(days)
    gaps = [tuple(map(dt.date.fromisoformat, span.split("/"))) for span in found.missing]
    missing = {a + dt.timedelta(days=n) for a, b in gaps for n in range((b - a).days + 1)}
    between = {found.first + dt.timedelta(days=n) for n in range((found.last - found.first).days + 1)}

    assert missing == between - days
    assert (found.first, found.last, found.snapshots) == (min(days), max(days), len(days))


def test_a_citation_names_day_licence_and_repo_as_the_format_asks(warehouse, tmp_path):
    folder = build(warehouse, tmp_path)
    cited = yaml.safe_load((folder / "CITATION.cff").read_text())

    assert {"cff-version", "message", "title", "authors"} <= cited.keys()  # what the format requires
    assert (cited["type"], cited["version"], str(cited["date-released"])) == (
        "dataset",
        "snapshot-2026-01-02",
        "2026-01-02",
    )
    assert cited["license"] == "CC-BY-4.0" and "repository-artifact" not in cited
    named = yaml.safe_load(render_citation(DAY, "somebody/observatory"))
    assert named["repository-artifact"].endswith("/datasets/somebody/observatory")


def test_the_card_offers_each_table_as_a_config_and_shows_only_pictures_that_are_there(warehouse, tmp_path):
    folder = build(warehouse, tmp_path)
    card = (folder / "README.md").read_text()
    front = yaml.safe_load(card.split("---\n")[1])

    assert front["configs"] == [
        {
            "config_name": "fct_votes",
            "data_files": [{"split": "train", "path": "data/fct_votes/*.parquet"}],
            "default": True,
        }
    ]
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", card)
    assert sorted(pictures) == sorted(p.relative_to(folder).as_posix() for p in (folder / "charts").glob("*.png"))
    assert "OWNER/NAME@snapshot-2026-01-02/data/fct_votes" in card
    assert "](#fct_votes)" in card and "### fct_votes" in card


def test_a_missing_or_busy_warehouse_is_one_sentence(warehouse, tmp_path):
    with pytest.raises(HubscapeError, match="There is no warehouse"):
        open_warehouse(tmp_path / "none.duckdb")


def test_a_verdict_counts_for_the_bytes_it_was_given_on_and_for_the_rules_it_was_given_by(tmp_path):
    result = CheckResult(layer="raw", table="models", check="not_empty", severity="error", verdict="passed")
    verdict = Verdict(layer="raw", table="models", snapshot_date=DAY, subject="abc", rules="r1", results=[result])
    asked = {"subject": "abc", "rules": "r1"}
    with pytest.raises(HubscapeError, match="has not been checked"):
        require_verdict(tmp_path, "raw", "models", DAY, **asked)
    write_verdict(tmp_path, verdict)

    assert require_verdict(tmp_path, "raw", "models", DAY, **asked) == verdict
    with pytest.raises(HubscapeError, match="has changed since it was checked"):
        require_verdict(tmp_path, "raw", "models", DAY, subject="abd", rules="r1")
    with pytest.raises(HubscapeError, match="was checked by rules of before: run the job `refresh` from the start"):
        require_verdict(tmp_path, "raw", "models", DAY, subject="abc", rules="r2")
    refused = result.model_copy(update={"verdict": "failed"})
    write_verdict(tmp_path, verdict.model_copy(update={"results": [refused]}))
    with pytest.raises(HubscapeError, match=r"was refused by its checks \(not_empty\)"):
        require_verdict(tmp_path, "raw", "models", DAY, **asked)


def test_a_file_without_all_rows_of_its_table_is_no_release(warehouse, tmp_path, monkeypatch):
    in_order = export._in_order
    monkeypatch.setattr(export, "_in_order", lambda *given: [*in_order(*given), *in_order(*given)])
    with open_warehouse(warehouse) as connection, pytest.raises(HubscapeError, match="10000 rows of fct_votes"):
        export_tables(connection, [PAPERS], tmp_path)


def test_a_contract_without_meta_or_with_an_unknown_type_is_refused(tmp_path):
    node = {
        "resource_type": "model",
        "name": "fct_x",
        "description": "",
        "config": {
            "meta": {
                "publish": True,
                "title": "X",
                "grain": "x",
                "order_by": ["a"],
                "question": "How many?",
                "caveats": ["A sample."],
            }
        },
        "columns": {"a": {"data_type": "hugeint", "description": ""}},
    }
    path = tmp_path / "manifest.json"
    with pytest.raises(HubscapeError, match="There is no dbt manifest"):
        read_contract(path)
    path.write_text(json.dumps({"nodes": {"model.h.fct_x": node}, "parent_map": {"model.h.fct_x": []}}))
    with pytest.raises(HubscapeError, match=r"fct_x\.a has type hugeint"):
        read_contract(path)
    for name in ("grain", "question", "caveats"):
        meta = {key: value for key, value in node["config"]["meta"].items() if key != name}
        bad = {**node, "config": {"meta": meta}}
        path.write_text(json.dumps({"nodes": {"model.h.fct_x": bad}, "parent_map": {"model.h.fct_x": []}}))
        with pytest.raises(HubscapeError, match=f"published without {name}"):
            read_contract(path)


def test_a_table_carries_history_if_it_is_made_from_its_own_released_rows(tmp_path):
    def model(name: str, *, publish: bool, macro: str = "macro.h.snapshot_date") -> dict:
        meta = {"title": name, "grain": "x", "order_by": ["a"], "question": "How many?", "caveats": ["A sample."]}
        return {
            "resource_type": "model",
            "name": name,
            "path": f"marts/lineage/{name}.sql",
            "description": "",
            "config": {"meta": meta | {"publish": publish}},
            "columns": {"a": {"data_type": "bigint", "description": "A."}},
            "depends_on": {"macros": [macro]},
        }

    manifest = {
        "nodes": {
            "model.h.fct_goes_on": model("fct_goes_on", publish=True),
            "model.h.stg_goes_on": model("stg_goes_on", publish=False, macro="macro.h.released_rows"),
            "model.h.stg_repos": model("stg_repos", publish=False, macro="macro.h.rows_of_release_before"),
            "model.h.fct_compares": model("fct_compares", publish=True),
            "model.h.dim_repos": model("dim_repos", publish=True),
        },
        "sources": {
            "source.h.release.fct_goes_on": {"name": "fct_goes_on", "source_name": "release"},
            "source.h.release.dim_repos": {"name": "dim_repos", "source_name": "release"},
            "source.h.raw.models": {"name": "models", "source_name": "raw"},
        },
        "parent_map": {
            "model.h.fct_goes_on": ["model.h.stg_goes_on"],
            "model.h.stg_goes_on": ["source.h.release.fct_goes_on"],
            "model.h.fct_compares": ["source.h.release.dim_repos"],
            "model.h.stg_repos": ["source.h.release.dim_repos"],
            "model.h.dim_repos": ["source.h.raw.models", "model.h.stg_repos"],
        },
    }
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest))

    contract = read_contract(path)

    assert {table.name: table.carries_history for table in contract.tables} == {
        "dim_repos": False,
        "fct_compares": False,
        "fct_goes_on": True,
    }
    assert {table.subject for table in contract.tables} == {"lineage"}
    assert contract.required_nodes == set(manifest["nodes"])
    assert contract.history == ("dim_repos", "fct_goes_on")


HOSTILE = st.one_of(
    st.text(max_size=300),
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            "![x](https://evil.example/p.png)",
            "[a](javascript:alert(1))",
            "a | b | c",
            "`x` **b** <img src=x onerror=y>",
            "{{ 7 * 7 }}{% raw %}",
            "---\nconfigs: []\n---",
            "https://evil.example",
            "&lt;b&gt;",
            "line\nbreak\r\n| cell |",
        ]
    ),
)


class Cells(HTMLParser):
    """The text of each table cell, and the names of all elements."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.cells: list[str] = []
        self.elements: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.elements.add(tag)
        if tag in {"td", "th"}:
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data.removesuffix("\n")


@given(HOSTILE)
@settings(max_examples=500, deadline=None)
def test_hostile_text_stays_text_in_a_table_of_the_card(text):
    document = f"| a | b |\n| --- | --- |\n| {for_markdown(text)} | end |\n"

    rendered = Cells()
    rendered.feed(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(document))

    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in " ".join(text.split())[:200])
    assert rendered.elements == {"table", "thead", "tbody", "tr", "th", "td"}
    assert [cell.strip() for cell in rendered.cells] == ["a", "b", shown.strip(), "end"]
    assert "https://" not in for_markdown(text) and "{{" not in for_markdown(text)


def test_hostile_source_labels_do_not_reach_the_front_matter(warehouse, tmp_path):
    folder = build(warehouse, tmp_path)
    from orchestration.release.datapackage import read_datapackage

    package = read_datapackage(folder)
    source = package.sources[0].model_copy(update={"source_label": "x\n---\nlicense: evil\n<b>y</b>|z"})
    text = render_card(package.model_copy(update={"sources": [source]}))

    assert text.startswith("---\n")
    assert "license: evil" not in text.split("---\n")[1]
    assert "<b>" not in text
