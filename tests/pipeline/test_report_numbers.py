"""The report of a release of recorded real rows: each number that it shows, counted again in plain Python."""

import datetime as dt
from collections import defaultdict
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.days import RECORDED_DATE, RecordedRun

DAY = dt.date.fromisoformat(RECORDED_DATE)


class _Tables(HTMLParser):
    """The rows of the table in each section of the page, by the section's id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: dict[str, list[list[str]]] = defaultdict(list)
        self._section, self._cell = "", False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "section":
            self._section = dict(attrs)["id"]
        if tag == "tr":
            self.rows[self._section].append([])
        self._cell = tag in {"td", "th"}
        if self._cell:
            self.rows[self._section][-1].append("")

    def handle_endtag(self, tag):
        self._cell = False

    def handle_data(self, data):
        if self._cell:
            self.rows[self._section][-1][-1] += data


@pytest.fixture(scope="module")
def shown(recorded_run: RecordedRun) -> dict[str, list[list[str]]]:
    return _Tables((recorded_run.release / "report.html").read_text()).rows


def published(release: Path, name: str) -> list[dict[str, Any]]:
    path = release / "data" / name / f"{name}.parquet"
    return [row for row in pq.read_table(path).to_pylist() if row["snapshot_date"] == DAY]


def test_families_are_those_with_most_external_derivatives(recorded_release, shown):
    counted: dict[str, dict[str, float]] = defaultdict(dict)
    for row in published(recorded_release, "fct_derivative_counts"):
        if row["subject_type"] == "family" and row["relation"] == "all":
            counted[row["subject"]][row["definition"]] = row["value"]
    first = sorted(counted, key=lambda name: (-counted[name]["direct_external"], name))[:10]
    head, *rows = shown["derivatives"]

    assert [row[0] for row in rows] == first
    for name, *values in rows:
        for definition, value in zip(head[1:], values, strict=True):
            assert float(value.replace(",", "")) == pytest.approx(counted[name][definition], abs=0.0006)


def test_papers_are_added_up_by_company_beside_those_of_nobody(recorded_release, shown):
    first, end = dt.date(DAY.year - 1, DAY.month, 1), DAY.replace(day=1)
    votes: dict[str | None, list[int]] = defaultdict(list)
    for row in published(recorded_release, "fct_papers"):
        if first <= row["first_daily_date"] < end:
            votes[row["company"] or row["organization"]].append(row["upvotes"] or 0)
    nobody = votes.pop(None)
    ranked = sorted(votes, key=lambda name: (-sum(votes[name]), name))
    others = [count for name in ranked[10:] for count in votes[name]]
    _, *rows = shown["papers"]

    assert [row[:4] for row in rows] == [
        [" ".join(name.split()), f"{len(found):,}", f"{sum(found):,}", f"{max(found):,}"]
        for name, found in [
            *((name, votes[name]) for name in ranked[:10]),
            ("other companies", others),
            ("no organization linked", nobody),
        ]
    ]


def test_the_chain_is_that_of_the_organizations_with_most_papers(recorded_release, shown):
    held = [row for row in published(recorded_release, "rpt_chain_coverage") if row["organization"] != "unattributed"]
    held.sort(key=lambda row: (-row["papers_count"], -row["models_count"], row["organization"]))
    _, *rows = shown["chain"]

    assert [[row[0], row[1], row[2]] for row in rows] == [
        [row["organization"], f"{row['papers_count']:,}", f"{row['papers_with_models_count']:,}"] for row in held[:10]
    ]


def test_the_ledger_has_every_claim_with_its_verdict(recorded_release, shown):
    held = {row["claim_id"]: row["verdict"] for row in published(recorded_release, "rpt_claims")}
    _, *rows = shown["claims"]

    assert {row[0]: row[5] for row in rows} == held
    assert len(rows) == len(held) > 30


def test_new_models_of_a_month_add_up_to_those_of_the_countries_drawn(recorded_release, shown):
    head, *rows = shown["releases"]
    countries = head[1:-2]
    held = {
        (row["month"].isoformat(), row["country"]): row["new_models_count"]
        for row in published(recorded_release, "fct_country_monthly")
        if row["country_rule"] == "headquarters"
    }
    assert countries and rows
    for month, *values in rows:
        for country, value in zip(countries, values, strict=False):
            assert float(value.replace(",", "")) == held.get((month, country), 0), (month, country)


def test_recorded_rows_are_not_called_synthetic_where_they_are_not(recorded_run):
    banner = (recorded_run.release / "report.html").read_text().split('role="note">')[1].split("</p>")[0]
    assert "organizations" in banner and "models" not in banner
