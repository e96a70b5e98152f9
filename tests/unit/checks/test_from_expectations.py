"""What the checks make of a table or column that a source does not have, and which rows they compare a table with."""

import datetime as dt

import pyarrow as pa
import pytest

from expectations import marts
from orchestration.checks.from_expectations import _not_observed, _raw_outcomes, keep
from orchestration.checks.gates import last_accepted, raw_subject
from orchestration.lake.bulk import BulkOrigin, write_bulk_snapshot, write_unobserved_snapshot
from orchestration.settings import Settings, load_settings
from tests.bulk import parquet
from tests.unit.lake.test_bulk import models

DAYS = [dt.date(2026, 11, day) for day in (1, 2, 3)]


@pytest.fixture
def settings(tmp_path) -> Settings:
    return load_settings(data_dir=tmp_path, snapshot_date=DAYS[2])


def origin(day: dt.date) -> BulkOrigin:
    at = dt.datetime(day.year, day.month, day.day, 12, tzinfo=dt.UTC)
    return BulkOrigin("somebody/dump of here", at, commit=f"{day.day}" * 40, commit_at=at)


def test_a_table_that_nobody_looked_at_is_warned_of_and_is_no_measure_for_the_next(settings, tmp_path):
    file = tmp_path / "datasets.parquet"
    file.write_bytes(parquet(models(likes=[1, 2, 3])))
    held = write_bulk_snapshot([file], tmp_path, "datasets", DAYS[0], origin(DAYS[0]))
    absent = write_unobserved_snapshot(tmp_path, "datasets", DAYS[1], origin(DAYS[1]))
    for day, outcomes in ((DAYS[0], []), (DAYS[1], [_not_observed("datasets", absent)])):
        now = settings.model_copy(update={"snapshot_date": day})
        result = keep(now, "raw", "datasets", raw_subject(now, "datasets"), "", outcomes)
    assert not result.passed and result.severity.value == "WARN"
    assert "datasets.parquet is not there" in result.description

    assert last_accepted(settings, "datasets") == held


def test_a_table_is_compared_with_the_rows_of_the_last_one_that_was_accepted(settings, tmp_path):
    """The second day lacks its old end and is refused; so is the third, which is like it: nothing is taken for gone."""
    file = tmp_path / "models.parquet"
    refused = []
    for day, rows in zip(DAYS, (9, 6, 6), strict=True):
        created = [dt.datetime(2026, 10, 20 - age, tzinfo=dt.UTC) for age in range(rows)]
        ids = [f"a/{age}" for age in range(rows)]
        file.write_bytes(parquet(models(id=ids, createdAt=created, likes=[1] * rows, downloads=[day.day] * rows)))
        manifest = write_bulk_snapshot([file], tmp_path, "models", day, origin(day))
        now = settings.model_copy(update={"snapshot_date": day, "max_volume_drop": 0.5})
        outcomes = [outcome for outcome in _raw_outcomes(now, manifest) if outcome.expectation == "tail_kept"]
        keep(now, "raw", "models", raw_subject(now, "models"), "", outcomes)
        refused.append([outcome.observed for outcome in outcomes if not outcome.success])

    said = "an interrupted list, of which the 3 oldest of 9 rows are missing: they are older than all that is left"
    assert refused[0] == [] and all(lines[0].startswith(said) for lines in refused[1:])
    assert last_accepted(settings, "models").snapshot_date == DAYS[0]


def test_a_column_that_nobody_looked_at_is_warned_of_in_the_place_of_its_rules(settings, tmp_path):
    """With the column and no value in it: refused, as a field that the Hub no longer sends."""
    created = [dt.datetime(2026, 10, 1, tzinfo=dt.UTC)] * 3
    whole = models(createdAt=created, likes=[1, 2, 3], downloads=[1, 2, 3], tags=[["a"]] * 3)
    empty = whole.set_column(whole.column_names.index("tags"), "tags", pa.nulls(3, pa.list_(pa.string())))
    verdicts = []
    for table in (whole.drop_columns(["tags", "createdAt"]), empty):
        file = tmp_path / "models.parquet"
        file.write_bytes(parquet(table))
        held = write_bulk_snapshot([file], tmp_path, "models", DAYS[2], origin(DAYS[2]))
        found = _raw_outcomes(settings, held)
        verdicts.append({outcome.check: outcome.verdict for outcome in found if not outcome.success})
        told = [outcome.summary for outcome in found if outcome.expectation == "column_observed"]

    assert verdicts[0] == {"column_observed:createdAt": "warned", "column_observed:tags": "warned"}
    assert verdicts[1] == {"any_value_known:tags": "failed"} and told == []


def test_rules_of_marts_that_need_a_table_or_column_say_that_it_was_not_observed():
    meta = {
        "key": ["paper_id"],
        "rules": [
            {"name": "row_count_at_least", "rows": 1, "needs": "daily_papers"},
            {"name": "known", "no_row_where": "upvotes is null", "wanted": "no null", "needs": "daily_papers.upvotes"},
        ],
    }
    node = {"name": "t", "resource_type": "model", "columns": {}, "config": {"meta": meta | {"publish": True}}}
    for unobserved, noted in (("daily_papers", "row_count_at_least"), ("daily_papers.upvotes", "known")):
        rules = marts.suites({"nodes": {"t": node}}, {}, unobserved=[unobserved])["t"]
        told = {rule.expectation: rule.threshold for rule in rules if rule.severity == "warn"}
        assert list(told) == [noted] and told[noted].endswith(f"({unobserved}: not observed)")
