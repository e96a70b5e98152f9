"""What the checks make of a table that a bulk dump does not have: a warning, and no measure for a later day."""

import datetime as dt

import pytest

from orchestration.checks.from_expectations import _not_observed, keep
from orchestration.checks.gates import last_accepted, raw_subject
from orchestration.lake.bulk import BulkOrigin, write_bulk_snapshot, write_unobserved_snapshot
from orchestration.settings import Settings, load_settings
from tests.bulk import parquet
from tests.unit.test_bulk_files import models

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
