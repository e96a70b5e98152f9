"""The raw suites over real Parquet files in the layout of the lake: each rule holds on good rows, fails on bad ones."""

import shutil
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expectations import raw, runner
from expectations.outcome import Outcome, refusals

DAY, BEFORE = date(2026, 11, 23), date(2026, 11, 22)
NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
TS = pa.timestamp("us", tz="UTC")
TAIL = [("observed_at", TS), ("extra", pa.string()), ("fault", pa.string())]
REPO = [("_id", pa.string()), ("id", pa.string()), ("createdAt", TS)]
COUNTED = [("downloads", pa.int64()), ("downloadsAllTime", pa.int64()), ("likes", pa.int64())]
TAGS = ("tags", pa.list_(pa.string()))
ORGANIZATION = pa.struct([("_id", pa.string()), ("name", pa.string()), ("fullname", pa.string())])
PAPER = pa.struct(
    [
        *(("id", pa.string()), ("title", pa.string()), ("submittedOnDailyAt", TS)),
        *(("upvotes", pa.int64()), ("organization", ORGANIZATION)),
    ]
)
SCHEMAS = {
    "models": pa.schema([*REPO, *COUNTED, TAGS, *TAIL]),
    "datasets": pa.schema([*REPO, *COUNTED, TAGS, *TAIL]),
    "spaces": pa.schema([*REPO, ("likes", pa.int64()), ("sdk", pa.string()), TAGS, *TAIL]),
    "organizations": pa.schema([("handle", pa.string()), ("numFollowers", pa.int64()), *TAIL]),
    "daily_papers": pa.schema([("date", pa.date32()), ("paper", PAPER), ("title", pa.string()), *TAIL]),
}


def good_rows(table: str, count: int = 40) -> list[dict[str, Any]]:
    """Rows that meet every rule; every other repo without `_id`, as in recorded rows."""
    rows = []
    for number in range(count):
        row: dict[str, Any] = {"observed_at": NOW, "extra": None, "fault": None}
        if table == "organizations":
            row |= {"handle": f"org-{number}", "numFollowers": number}
        elif table == "daily_papers":
            # The same paper on two days is real and is no duplicate.
            day = date(2026, 11, 20 + number % 2)
            paper = {"id": f"2601.{number // 2:05}", "title": "A title", "upvotes": number, "organization": None}
            paper["submittedOnDailyAt"] = datetime(day.year, day.month, day.day, 23, 59, tzinfo=UTC)
            row |= {"date": day, "paper": paper, "title": "A title"}
        else:
            repo_id = f"owner/{table}-{number}"
            row |= {
                "_id": f"{number:024x}" if number % 2 else None,
                "id": repo_id,
                "createdAt": NOW,
                "likes": 0,
                "tags": [],
            }
            row |= {} if table == "spaces" else {"downloads": number, "downloadsAllTime": number}
        rows.append(row)
    return rows


def write(data: Path, table: str, rows: list[dict[str, Any]], day: date = DAY) -> None:
    folder = data / "raw" / table / f"snapshot_date={day}"
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMAS[table]), folder / "part-00000.parquet")


def check_raw(
    data: Path, day: date, tables: Iterable[str], *, previous_rows: dict[str, int | None], **limits: Any
) -> list[Outcome]:
    """Outcomes of the tables; `previous_rows`: those of the snapshot before, None or absent where there is none.

    What that one held is written if it is not: rows that the tables have now.
    """
    suites = {table: raw.SUITES[table](raw.Limits(previous_rows.get(table), **limits)) for table in tables}
    before = {table: BEFORE for table, rows in previous_rows.items() if rows is not None}
    for table in before:
        now, then = (data / "raw" / table / f"snapshot_date={day}" for day in (day, BEFORE))
        if not then.exists():
            shutil.copytree(now, then)
    return runner.check_raw(data, day, suites, before=before)


def check(data: Path, table: str, rows: list[dict[str, Any]], **limits: Any) -> list[Outcome]:
    write(data, table, rows)
    return check_raw(data, DAY, [table], previous_rows=limits.pop("previous_rows", {}), **limits)


def failed(outcomes: list[Outcome]) -> list[tuple[str, str | None]]:
    return [(outcome.expectation, outcome.column) for outcome in outcomes if not outcome.success]


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("models", "tags"),
        ("models", "downloads"),
        ("models", "likes"),
        ("datasets", "downloads"),
        ("spaces", "tags"),
        ("organizations", "numFollowers"),
    ],
)
def test_a_field_that_the_hub_no_longer_sends_is_refused(tmp_path: Path, table: str, column: str) -> None:
    rows = [{**row, column: None} for row in good_rows(table)]

    assert failed(check(tmp_path, table, rows)) == [("any_value_known", column)]


def test_good_tables_pass_every_rule(tmp_path: Path) -> None:
    data = tmp_path / "data [ab]*"  # what DuckDB would take for a pattern
    for table in raw.SUITES:
        write(data, table, good_rows(table))
    outcomes = check_raw(data, DAY, raw.SUITES, previous_rows=dict.fromkeys(raw.SUITES, 40), snapshot_date=DAY)
    assert failed(outcomes) == []
    limits = raw.Limits(previous_rows=40, snapshot_date=DAY)
    rules = {table: suite(limits) for table, suite in raw.SUITES.items()}
    assert [(o.table, o.expectation, o.column, o.severity) for o in outcomes] == [
        (table, rule.expectation, rule.column, rule.severity) for table in rules for rule in rules[table]
    ]
    assert {outcome.rows_tested for outcome in outcomes} == {40}
    names = [(outcome.table, outcome.expectation, outcome.column) for outcome in outcomes]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("table", raw.SUITES)
def test_an_empty_table_is_refused(tmp_path: Path, table: str) -> None:
    assert failed(check(tmp_path, table, [])) == [("row_count_at_least", None)]


@pytest.mark.parametrize("table", raw.SUITES)
def test_a_key_that_occurs_twice_is_refused(tmp_path: Path, table: str) -> None:
    rows = good_rows(table)
    outcomes = check(tmp_path, table, [*rows, rows[1]])
    assert failed(outcomes) == [("key_unique", None)]
    (refused,) = refusals(outcomes)
    wanted = {"organizations": "org-1", "daily_papers": "2026-11-21 / 2601.00000"}.get(table, f"{1:024x}")
    assert (refused.rows_failing, refused.sample_keys) == (2, (wanted,))


def test_a_repo_without_any_key_is_refused(tmp_path: Path) -> None:
    rows = good_rows("models")
    rows[0] |= {"_id": None, "id": None}
    assert failed(check(tmp_path, "models", rows)) == [("key_unique", None)]


def test_the_same_id_under_two_ids_of_the_hub_is_no_duplicate(tmp_path: Path) -> None:
    rows = good_rows("models")
    rows[1]["id"] = rows[3]["id"]
    assert failed(check(tmp_path, "models", rows)) == []


def faulty(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"_id": None, "id": None, "createdAt": None, "likes": None, "fault": "missing:id"}


def test_rows_with_a_fault_count_for_their_share_alone(tmp_path: Path) -> None:
    rows = good_rows("models")
    rows[:2] = [faulty(row) for row in rows[:2]]  # 2 of 40 are the 5 per cent that are allowed
    assert failed(check(tmp_path, "models", rows)) == []


def test_too_many_rows_with_a_fault_are_refused(tmp_path: Path) -> None:
    rows = good_rows("models")
    rows[:3] = [faulty(row) for row in rows[:3]]
    outcomes = check(tmp_path, "models", rows)
    assert failed(outcomes) == [("fault_share_at_most", "fault")]
    (refused,) = refusals(outcomes)
    assert (refused.rows_tested, refused.rows_failing) == (40, 3)
    assert failed(check_raw(tmp_path, DAY, ["models"], previous_rows={}, max_fault_share=0.075)) == []


@pytest.mark.parametrize(("rows", "refused"), [(7, []), (6, [("row_count_not_dropped", None)])])
def test_a_drop_beyond_the_share_is_refused(tmp_path: Path, rows: int, refused: list[tuple[str, None]]) -> None:
    outcomes = check(tmp_path, "spaces", good_rows("spaces", rows), previous_rows={"spaces": 10})
    assert failed(outcomes) == refused


def test_without_a_snapshot_before_there_is_no_rule_on_a_drop(tmp_path: Path) -> None:
    outcomes = check(tmp_path, "spaces", good_rows("spaces", 1), previous_rows={"spaces": None})
    assert "row_count_not_dropped" not in {outcome.expectation for outcome in outcomes}


@pytest.mark.parametrize("table", raw.SUITES)
def test_a_row_without_its_time_of_observation_is_refused(tmp_path: Path, table: str) -> None:
    rows = good_rows(table)
    rows[0]["observed_at"] = None
    assert failed(check(tmp_path, table, rows)) == [("values_not_null", "observed_at")]


@pytest.mark.parametrize(
    ("table", "column", "value", "expectation", "severity"),
    [
        ("models", "createdAt", None, "values_not_null", "error"),
        ("datasets", "createdAt", None, "values_not_null", "error"),
        ("spaces", "createdAt", None, "values_not_null", "error"),
        ("models", "downloads", -1, "values_at_least", "warn"),
        ("models", "likes", -1, "values_at_least", "warn"),
        ("datasets", "downloads", -1, "values_at_least", "warn"),
        ("datasets", "likes", -1, "values_at_least", "warn"),
        ("spaces", "likes", -1, "values_at_least", "warn"),
    ],
)
def test_one_bad_value_fails_its_rule_alone(
    tmp_path: Path, table: str, column: str, value: int | None, expectation: str, severity: str
) -> None:
    rows = good_rows(table)
    rows[0][column] = value
    outcomes = check(tmp_path, table, rows)
    assert failed(outcomes) == [(expectation, column)]
    (outcome,) = [outcome for outcome in outcomes if not outcome.success]
    assert (outcome.severity, outcome.rows_failing, outcome.sample_keys) == (severity, 1, (f"owner/{table}-0",))
    assert refusals(outcomes) == ([outcome] if severity == "error" else [])


def test_a_paper_without_upvotes_is_a_warning(tmp_path: Path) -> None:
    rows = good_rows("daily_papers")
    rows[0]["paper"]["upvotes"] = None
    outcomes = check(tmp_path, "daily_papers", rows)
    assert failed(outcomes) == [("values_not_null", "paper.upvotes")]
    assert refusals(outcomes) == []


def aged(table: str, count: int = 40) -> list[dict[str, Any]]:
    """Rows as the Hub lists them, newest first, one a day; each has been downloaded and liked."""
    counted = {"likes": 7} | ({} if table == "spaces" else {"downloads": 50, "downloadsAllTime": 900})
    return [
        row | {"createdAt": NOW - timedelta(days=age), **counted} for age, row in enumerate(good_rows(table, count))
    ]


def compare(data: Path, table: str, then: list[dict[str, Any]], now: list[dict[str, Any]], **limits: Any) -> Outcome:
    """The one rule that fails on rows of now, after those of then, all shares being what they are by default."""
    write(data, table, then, BEFORE)
    outcomes = check(data, table, now, previous_rows={table: len(then)}, **limits)
    assert len(failed(outcomes)) <= 1, failed(outcomes)
    return next((outcome for outcome in outcomes if not outcome.success), outcomes[0])


@pytest.mark.parametrize("table", ["models", "datasets", "spaces"])
@pytest.mark.parametrize("also_deleted", [[], [3, 11]])
def test_a_list_whose_old_end_is_missing_was_interrupted(tmp_path: Path, table: str, also_deleted: list[int]) -> None:
    then = aged(table)
    now = [row for age, row in enumerate(then[:32]) if age not in also_deleted]
    refused = compare(tmp_path, table, then, now)
    assert (refused.expectation, refused.severity) == ("tail_kept", "error")
    assert refused.observed == (
        "an interrupted list, of which the 8 oldest of 40 rows are missing: they are older than all that is left,"
        f" which begins on {NOW - timedelta(days=31):%Y-%m-%d}"
    )


@pytest.mark.parametrize(
    ("gone", "limits"),
    [
        ([39], {}),  # the oldest of all was deleted
        ([*range(30, 39)], {}),  # what lies behind them is there
        ([38, 39], {"max_tail_share": 0.05}),
    ],
)
def test_repos_that_were_deleted_make_no_interrupted_list(
    tmp_path: Path, gone: list[int], limits: dict[str, float]
) -> None:
    then = aged("models")
    assert compare(tmp_path, "models", then, [r for age, r in enumerate(then) if age not in gone], **limits).success


def test_of_repos_of_one_second_those_behind_the_cut_are_missing_too(tmp_path: Path) -> None:
    then = [row | {"createdAt": NOW, "_id": f"{40 - age:024x}"} for age, row in enumerate(aged("models"))]
    assert compare(tmp_path, "models", then, then[:35]).expectation == "tail_kept"


def test_a_row_of_an_impossible_year_hides_no_missing_end_and_makes_none(tmp_path: Path) -> None:
    odd = [row | {"createdAt": datetime(1999, 1, 1, tzinfo=UTC)} for row in good_rows("models", 42)]
    then = [*aged("models"), *odd[40:]]
    assert compare(tmp_path / "without", "models", then, then[:40]).success
    assert compare(tmp_path / "with", "models", aged("models"), [*then[:30], *odd[40:]]).expectation == "tail_kept"


def by(factor: float, *counters: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda row: row | {counter: int(row[counter] * factor) for counter in counters}


@pytest.mark.parametrize(
    ("table", "change", "words"),
    [
        ("models", by(0, "downloads"), "downloads of the same repos fell from 2000 to 0"),
        ("models", by(0.2, "downloadsAllTime"), "downloadsAllTime of the same repos fell from 36000 to 7200"),
        ("datasets", by(0.4, "likes"), "likes of the same repos fell from 280 to 80"),
        ("spaces", by(0, "likes"), "likes of the same repos fell from 280 to 0"),
        ("models", by(2, "likes"), "downloads of 40 repos are all what they were, downloadsAllTime of 40 repos"),
        ("datasets", by(1.1, "downloads", "likes"), "downloadsAllTime of 40 repos are all what they were"),
    ],
)
def test_a_counter_that_collapses_or_stands_still_for_the_whole_hub_is_refused(
    tmp_path: Path, table: str, change: Callable, words: str
) -> None:
    then = aged(table)
    refused = compare(tmp_path, table, then, [*map(change, then), *good_rows(table, 45)[40:]])
    assert (refused.expectation, refused.severity) == ("counters_live", "error")
    assert words in refused.observed


@pytest.mark.parametrize(
    "change",
    [
        by(0.6, "downloads", "downloadsAllTime", "likes"),
        by(1.1, "downloads", "downloadsAllTime"),  # likes are few: a day without any is one
        lambda row: row,  # a recording, or a small Hub on a quiet day
        lambda row: by(2, "likes")(row) if row["id"].endswith("-7") else row,
        lambda row: row | {"downloadsAllTime": None},  # counted by the rule on values that are known
    ],
)
def test_counters_that_move_are_taken_as_they_are(tmp_path: Path, change: Callable) -> None:
    then = aged("models")
    told = compare(tmp_path, "models", then, [change(row) for row in then])
    assert told.success


def test_a_counter_that_no_repo_can_have_makes_no_collapse(tmp_path: Path) -> None:
    then = aged("models")
    then[0] |= {"downloads": 10**15}
    now = [row | {"downloads": 51, "downloadsAllTime": 901} for row in then]
    assert compare(tmp_path, "models", then, now).success


def test_the_share_that_a_counter_may_lose_is_set(tmp_path: Path) -> None:
    then = aged("spaces")
    now = [row | {"likes": 1} for row in then]
    assert compare(tmp_path / "less", "spaces", then, now, max_counter_drop_share=0.8).expectation == "counters_live"
    assert compare(tmp_path / "more", "spaces", then, now, max_counter_drop_share=0.9).success


def test_hundreds_of_thousands_of_repos_never_stand_still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    then = aged("spaces")
    monkeypatch.setattr(raw, "_NEVER_STANDS_STILL", 40)
    assert compare(tmp_path, "spaces", then, then).observed == "likes of 40 repos are all what they were"


@pytest.mark.parametrize("table", ["models", "datasets", "spaces"])
def test_a_repo_of_a_later_day_shows_that_the_list_is_not_of_the_snapshots_day(tmp_path: Path, table: str) -> None:
    rows = good_rows(table)
    rows[0]["createdAt"] = NOW + timedelta(hours=30)  # a bad row: after it was looked at
    assert failed(check(tmp_path, table, rows, snapshot_date=DAY)) == []
    past = DAY - timedelta(days=2)  # NOW lies 30 hours after its end
    outcomes = check_raw(tmp_path, DAY, [table], previous_rows={}, snapshot_date=past)
    assert failed(outcomes) == [("created_until_snapshot", "createdAt")]
    assert refusals(outcomes)[0].rows_failing == 39


def test_the_papers_of_another_day_are_refused(tmp_path: Path) -> None:
    rows = good_rows("daily_papers")
    rows[1]["paper"]["submittedOnDailyAt"] = NOW  # one that is late is one
    rows[3]["paper"]["submittedOnDailyAt"] = None
    assert failed(check(tmp_path / "own", "daily_papers", rows)) == []
    for row in rows:
        row["date"] += timedelta(days=row["date"].day % 2)  # those of the 21st as the 22nd's
    outcomes = check(tmp_path / "others", "daily_papers", rows)
    assert failed(outcomes) == [("papers_of_their_day", "date")]
    assert refusals(outcomes)[0].sample_keys[0] == "2026-11-22 / 2601.00000"


@pytest.mark.parametrize(("age", "refused"), [(0, True), (1, True), (2, False)])
def test_a_paper_alone_on_an_old_page_may_have_come_back_on_another_day(
    tmp_path: Path, age: int, refused: bool
) -> None:
    rows = good_rows("daily_papers", 3)
    for back, row in enumerate(rows):
        row["date"] = date(2026, 11, 21) - timedelta(days=back)
        row["paper"] |= {"id": f"2601.{back}", "submittedOnDailyAt": NOW - timedelta(days=back + 2 - 5 * (back == age))}
    outcomes = check(tmp_path, "daily_papers", rows)
    assert failed(outcomes) == ([("papers_of_their_day", "date")] if refused else [])


def test_five_keys_are_shown_however_many_rows_fail(tmp_path: Path) -> None:
    rows = [row | {"createdAt": None, "_id": None} for row in good_rows("models", 3000)]
    (refused,) = refusals(check(tmp_path, "models", rows))
    assert refused.rows_failing == 3000
    assert refused.sample_keys == tuple(f"owner/models-{number}" for number in (0, 1, 10, 100, 1000))


def test_hostile_keys_come_out_inert(tmp_path: Path) -> None:
    hostile = [
        '<script>alert("x")</script>',
        "[link](https://elsewhere.example)\n| a | `b` |",
        "=cmd|' /C calc'!A0",
        "\x00\x1b[31m\u202e${{7*7}}" + "x" * 10_000,
        "'; drop table models; --",
    ]
    rows = [row | {"createdAt": None} for row in good_rows("models", 5)]
    rows = [row | {"_id": None, "id": key} for row, key in zip(rows, hostile, strict=True)]
    (refused,) = refusals(check(tmp_path, "models", rows))
    assert len(refused.sample_keys) == 5
    for text in (*refused.sample_keys, refused.summary):
        assert text.isascii() and text.isprintable()
        assert not set(text) & set("<>[]|`$\\*#!{}&@+;=")
    assert all(len(key) <= 80 and key[0] not in "=+-@" for key in refused.sample_keys)


def test_an_absent_table_fails_in_one_sentence(tmp_path: Path) -> None:
    write(tmp_path, "models", good_rows("models"))
    outcomes = check_raw(tmp_path, DAY, ["spaces", "models"], previous_rows={})
    assert failed(outcomes) == [("readable", None)]
    (refused,) = refusals(outcomes)
    assert refused.summary == (
        "Raw table spaces: readable fails, wanted a table that can be read, "
        "found no Parquet file in spaces/snapshot_date?2026-11-23."
    )


def test_a_torn_file_fails_in_one_sentence_and_the_next_table_is_still_judged(tmp_path: Path) -> None:
    for table in ("models", "spaces"):
        write(tmp_path, table, good_rows(table))
    file = next(tmp_path.glob("raw/models/*/*.parquet"))
    file.write_bytes(file.read_bytes()[:-100])
    outcomes = check_raw(tmp_path, DAY, ["models", "spaces"], previous_rows={})
    assert failed(outcomes) == [("readable", None)]
    assert {outcome.table for outcome in outcomes if outcome.success} == {"spaces"}


def test_a_rule_that_cannot_be_judged_is_a_failure_and_the_others_are_judged(tmp_path: Path) -> None:
    folder = tmp_path / "raw" / "models" / f"snapshot_date={DAY}"
    folder.mkdir(parents=True)
    narrow = pa.Table.from_pylist(good_rows("models"), schema=SCHEMAS["models"]).drop_columns(["likes"])
    pq.write_table(narrow, folder / "part-00000.parquet")
    outcomes = check_raw(tmp_path, DAY, ["models"], previous_rows={})
    assert failed(outcomes) == [("values_at_least", "likes"), ("any_value_known", "likes")]
    for outcome in outcomes:
        assert outcome.success or ("not judged" in outcome.observed and "likes" in outcome.observed)


def test_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    data, home = tmp_path / "data", tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    monkeypatch.setenv("HOME", str(home))
    rows = good_rows("models")
    rows[0]["createdAt"] = None
    write(data, "models", rows)
    before = sorted(tmp_path.rglob("*"))
    check_raw(data, DAY, ["models"], previous_rows={})
    assert sorted(tmp_path.rglob("*")) == before
    assert capfd.readouterr() == ("", "")
