"""Figures of small releases: what changed since the one before, equal numbers, and tables without rows."""

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.commands.figures import figures, print_figures
from orchestration.release.datapackage import FILE_NAME, DataPackage, Provenance, RawSource, Resource, TableSchema
from orchestration.release.questions import Answer

DAY = dt.date(2026, 1, 3)
BEFORE = dt.date(2026, 1, 2)
SEEN = dt.datetime(2026, 1, 3, 4, 5, tzinfo=dt.UTC)


def release(data_dir: Path, tables: dict[str, list[dict]], *, label: str = "api", synthetic: bool = False) -> Path:
    folder = data_dir / "release" / DAY.isoformat()
    resources = []
    for name, rows in tables.items():
        path = folder / "data" / name / f"{name}.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(rows), path)
        resources.append(
            Resource(
                name=name,
                title=name,
                description=name,
                grain="row",
                path=path.relative_to(folder).as_posix(),
                rows=len(rows),
                bytes=path.stat().st_size,
                sha256="0" * 64,
                table_schema=TableSchema(fields=[], primary_key=[]),
            )
        )
    source = RawSource(
        table="models",
        source="api",
        source_label=label,
        synthetic=synthetic,
        rows=1,
        faulty_rows=0,
        first_observed_at=SEEN,
        last_observed_at=SEEN,
        manifest_sha256="0" * 64,
    )
    package = DataPackage(
        snapshot_date=DAY,
        synthetic=["models"] if synthetic else [],
        sample=["models"] if label == "recorded" else [],
        provenance=Provenance(hubscape="0", git_commit="0", packages={}),
        sources=[source],
        checks=[],
        empty_tables=[],
        resources=resources,
    )
    (folder / FILE_NAME).write_text(package.text())
    return folder


def figure(folder: Path, title: str) -> Answer:
    package = DataPackage.model_validate_json((folder / FILE_NAME).read_bytes())
    (found,) = (answer for answer in figures(folder, package) if answer.question.title.startswith(title))
    return found


def accounts(*days: dt.date) -> dict[str, list[dict]]:
    return {"fct_organization_snapshots": [{"snapshot_date": day, "handle": "a"} for day in days]}


def test_renames_and_deletions_of_this_snapshot_stand_beside_those_of_all(tmp_path):
    gone = [
        {"snapshot_date": BEFORE, "repo_type": "model", "repo_key": "1"},
        {"snapshot_date": DAY, "repo_type": "model", "repo_key": "2"},
        {"snapshot_date": DAY, "repo_type": "model", "repo_key": "3"},
        {"snapshot_date": BEFORE, "repo_type": "space", "repo_key": "4"},
    ]
    renamed = [{"snapshot_date": DAY, "repo_type": "dataset", "repo_key": "5"}]
    tables = {"fct_tombstones": gone, "fct_renames": renamed, **accounts(BEFORE, DAY)}

    found = figure(release(tmp_path, tables), "Renamed and disappeared")

    assert found.columns == ("what", "kind", "this_snapshot", "so_far", "compared_with")
    assert found.rows == (
        ("disappeared", "dataset", 0, 0, BEFORE),
        ("disappeared", "model", 2, 3, BEFORE),
        ("disappeared", "space", 0, 1, BEFORE),
        ("renamed", "dataset", 1, 1, BEFORE),
        ("renamed", "model", 0, 0, BEFORE),
        ("renamed", "space", 0, 0, BEFORE),
    )


def test_no_change_is_told_apart_from_nothing_to_compare_with(tmp_path, capsys):
    first = figure(release(tmp_path / "a", accounts(DAY)), "Renamed and disappeared")
    second = figure(release(tmp_path / "b", accounts(BEFORE, DAY)), "Renamed and disappeared")

    assert first.rows == () and len(second.rows) == 6
    assert {row[2:] for row in second.rows} == {(0, 0, BEFORE)}
    print_figures(tmp_path / "a")
    title = "Renamed and disappeared repositories, snapshot 2026-01-03"
    assert f"\n{title}\nThere is no release before to compare with.\n" in capsys.readouterr().out


def test_of_two_most_liked_models_the_least_id_is_shown(tmp_path):
    def model(repo_id: str, likes: int | None, repo_type: str = "model") -> dict:
        facts = {"snapshot_date": DAY, "repo_type": repo_type, "repo_key": repo_id, "repo_id": repo_id, "likes": likes}
        return facts | {"created_at": SEEN, "observed_at": SEEN}

    repos = [model("b/b", 7), model("a/z", 7), model("a/a", 6), model("a/b", None), model("a/d", 99, "dataset")]

    found = figure(release(tmp_path, {"dim_repos": repos, **accounts(DAY)}), "Most liked model")

    assert found.rows == (("a/z", 7, DAY, "2026-01-03 04:05"),)


def test_what_a_table_without_rows_means_is_said_and_nothing_else_fails(tmp_path, capsys):
    folder = release(tmp_path, accounts(DAY))

    assert figure(folder, "Companies").rows == ()
    print_figures(tmp_path)
    shown = capsys.readouterr().out
    assert "SYNTHETIC" not in shown and "SAMPLE" not in shown
    for title, why in (
        ("Companies with most derivatives", "No model derives from one of a company in the registry."),
        ("Most liked model", "The snapshot has no model."),
        ("Verdicts on public claims", "The ledger has no claims in this release."),
    ):
        assert f"\n{title}, snapshot 2026-01-03\n{why}\n\n" in shown


def test_made_up_and_recorded_numbers_are_announced_first(tmp_path, capsys):
    release(tmp_path / "a", accounts(DAY), label="synthetic; seed=7", synthetic=True)
    release(tmp_path / "b", accounts(DAY), label="recorded")

    print_figures(tmp_path / "a")
    assert capsys.readouterr().out.startswith("SYNTHETIC: a sandbox made up the numbers of models.\n")
    print_figures(tmp_path / "b")
    assert capsys.readouterr().out.startswith("SAMPLE: not the whole Hub, of models.\n")
