"""What the checks make of a table that a bulk dump does not have, and which earlier rows they compare a table with."""

import datetime as dt

import pytest

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
