"""Charts of made-up tables whose answers can be read off, and the page and pictures that they are put into."""

import base64
import datetime as dt
import hashlib
import html
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pytest
import vl_convert
from PIL import Image

from orchestration.release.datapackage import DataPackage, FieldDescriptor, Provenance, Resource, TableSchema
from orchestration.site.charts import Chart, charts
from orchestration.site.report import picture, render_report, write_report

DAY = dt.date(2026, 3, 15)
HOSTILE = "</script><script>alert(1)</script><img src=http://evil.test/x onerror=alert(1)>{{ 7 * 7 }}"
TABLES = {
    "fct_organization_snapshots": """
        select * from (values
            (date '2026-03-01', 'a', 'A', null, 10), (date '2026-03-01', 'b', 'B', 'Firm', 20),
            (date '2026-03-01', 'c', 'C', null, null), (date '2026-03-15', 'a', 'A', null, 30),
            (date '2026-03-15', 'b', 'B', 'Firm', 25), (date '2026-03-15', 'b2', 'B two', 'Firm', 24),
            (date '2026-03-15', 'c', 'C', null, null)
        ) t(snapshot_date, handle, organization, company, followers_count)""",
    "fct_derivative_counts": """
        select * from (values
            (date '2026-03-15', 'family', 'Old', 'all', 'direct_external', 5.0e0),
            (date '2026-03-15', 'family', 'Old', 'all', 'tagged', 50.5e0),
            (date '2026-03-15', 'family', 'New', 'all', 'direct_external', 7.0e0),
            (date '2026-03-15', 'family', 'New', 'adapter', 'direct_external', 900.0e0),
            (date '2026-03-15', 'company', 'Firm', 'all', 'direct_external', 800.0e0),
            (date '2026-03-01', 'family', 'Old', 'all', 'direct_external', 700.0e0)
        ) t(snapshot_date, subject_type, subject, relation, definition, value)""",
    "fct_country_monthly": """
        select date '2026-03-15' as snapshot_date, * from (values
            (date '2026-01-01', 'headquarters', 'US', 4.0e0, 0.5e0),
            (date '2026-01-01', 'headquarters', 'unattributed', 4.0e0, 0.5e0),
            (date '2026-02-01', 'headquarters', 'CN', 9.0e0, 0.25e0),
            (date '2026-02-01', 'base_model', 'US', 99.0e0, 0.25e0),
            (date '2026-03-01', 'headquarters', 'US', 77.0e0, 0.1e0),
            (date '2022-01-01', 'headquarters', 'US', 55.0e0, 0.1e0)
        ) t(month, country_rule, country, new_models_count, unattributed_new_models_share)""",
    "fct_milestones": """
        select date '2026-03-15' as snapshot_date, * from (values
            (date '2026-02-11', 'cn-lab', 'model', 'source', 'A model of note'),
            (date '2026-02-12', 'cn-lab', 'detected', 'rule', 'Found by a rule'),
            (date '2026-02-13', 'nobody', 'model', 'source', 'Of no country')
        ) t(event_date, handle, event_type, evidence_type, title)""",
    "dim_organizations": "select date '2026-03-15' as snapshot_date, 'cn-lab' as handle, 'CN' as country",
    "fct_papers": """
        select date '2026-03-15' as snapshot_date, * from (values
            ('1', 'lab-one', 'One', 'Lab', 5, date '2026-02-03', 'Fifth'),
            ('2', 'lab-two', 'Two', 'Lab', 8, date '2026-01-03', 'Eighth'),
            ('3', 'other', 'Other', null, 11, date '2025-04-01', 'Eleventh'),
            ('4', null, null, null, 26, date '2025-12-01', 'Nobody''s'),
            ('5', 'lab-one', 'One', 'Lab', 500, date '2026-03-02', 'This month'),
            ('6', 'lab-one', 'One', 'Lab', 600, date '2025-02-27', 'Too old')
        ) t(paper_id, handle, organization, company, upvotes, first_daily_date, title)""",
    "rpt_chain_coverage": """
        select date '2026-03-15' as snapshot_date, * from (values
            ('Lab', 4, 1, 6, 3, 8, 2), ('unattributed', 100, 1, 1, 1, 1, 1), ('Few', 1, 1, 0, 0, 0, 0)
        ) t(organization, papers_count, papers_with_models_count, models_count, models_with_derivatives_count,
            derivatives_count, derivatives_with_spaces_count)""",
    "rpt_claims": """
        select date '2026-03-15' as snapshot_date, date '2026-03-01' as measured_snapshot_date, * from (values
            ('share', 'Half of it', 's', '~', '0.5', 'share', 0.25e0, null, 'contradicted', null, 'u', 'H.'),
            ('place', 'The first', 's', '=', '1', 'rank', 27.0e0, null, 'contradicted', null, 'u', 'T.'),
            ('words', 'A licence', 's', '=', 'mit', 'license', null, 'mit', 'reproduced', null, 'u', 'A.')
        ) t(claim_id, statement, source, comparator, claimed_value, unit, measured_value, measured_text,
            verdict, reason, source_url, sentence)""",
}


def drawn(tables: dict[str, str] = TABLES) -> dict[str, Chart]:
    connection = duckdb.connect()
    for name, sql in tables.items():
        connection.execute(f"create view {name} as {sql}")
    return {chart.name: chart for chart in charts(connection)}


def package(synthetic: bool = True) -> DataPackage:
    resource = Resource(
        name="fct_papers",
        title="Papers",
        description="One row per `paper`.",
        grain="paper",
        path="data/fct_papers/fct_papers.parquet",
        rows=6,
        bytes=1,
        sha256="0" * 64,
        table_schema=TableSchema(
            fields=[FieldDescriptor(name="paper_id", type="string", description="The paper.")], primary_key=["paper_id"]
        ),
    )
    return DataPackage(
        snapshot_date=DAY,
        synthetic=["models"] if synthetic else [],
        provenance=Provenance(hubscape="0", git_commit="c", packages={}),
        sources=[],
        checks=[],
        empty_tables=[],
        resources=[resource],
    )


def marks(chart: Chart, kind: str = "") -> list[dict[str, str]]:
    """What is drawn, as Vega tells it to screen readers: each mark with its values, in the order of drawing."""
    svg = vl_convert.vegalite_to_svg(json.dumps({**chart.spec, "width": 700}))
    found = re.findall(r'aria-label="([^"]*)" role="graphics-symbol" aria-roledescription="([^"]*)"', svg)
    labels = [html.unescape(label) for label, what in found if what not in ("axis", "legend") and kind in what]
    assert labels, svg[:2000]
    return [dict(part.split(": ", 1) for part in label.split("; ")) for label in labels]


def test_followers_are_those_of_each_snapshot_of_who_leads_now():
    chart = drawn()["followers"]
    assert chart.rows == (
        (dt.date(2026, 3, 1), "Firm", "b", 20, "b, b2"),
        (dt.date(2026, 3, 1), "A", "a", 10, "a"),
        (DAY, "A", "a", 30, "a"),
        (DAY, "Firm", "b", 25, "b, b2"),
    )
    assert "A leads with 30 followers of a on 2026-03-15, before Firm with 25" in chart.text
    assert [(mark["account"], mark["snapshot"], mark["followers"]) for mark in marks(chart, "point")] == [
        ("b", "Mar 01, 2026", "20"),
        ("a", "Mar 01, 2026", "10"),
        ("a", "Mar 15, 2026", "30"),
        ("b", "Mar 15, 2026", "25"),
    ]


def test_the_followers_of_a_first_snapshot_are_bars_since_one_point_makes_no_line():
    first = "select * from ({fct_organization_snapshots}) where snapshot_date = date '2026-03-15'".format_map(TABLES)
    chart = drawn({**TABLES, "fct_organization_snapshots": first})["followers"]
    assert [(mark["account"], mark["followers"]) for mark in marks(chart, "bar")] == [("a", "30"), ("b", "25")]
    assert chart.text.endswith("There is one snapshot so far, so no trend.")


def test_families_are_counted_over_all_relations_of_this_snapshot():
    chart = drawn()["derivatives"]
    assert [row[0] for row in chart.rows] == ["New", "Old"]  # by direct_external
    old = dict(zip(chart.columns, chart.rows[1], strict=True))
    assert (old["direct_external"], old["tagged"], old["edges"]) == (5.0, 50.5, None)
    assert {(mark["family"], mark["definition"], mark["models"]) for mark in marks(chart, "point")} == {
        ("Old", "direct_external", "5"),
        ("Old", "tagged", "50.5"),
        ("New", "direct_external", "7"),
    }
    assert chart.text.startswith("New has 7 derivatives by other organizations (direct_external), the most of all")


def test_a_country_without_new_models_has_none_and_milestones_stand_on_its_line():
    chart = drawn()["releases"]
    assert chart.columns == ("month", "CN", "US", "share_without_country", "milestones")
    assert chart.rows == (
        (dt.date(2026, 2, 1), 9.0, 0, 0.25, "2026-02-11 A model of note"),
        (dt.date(2026, 1, 1), 0, 4.0, 0.5, None),
    )
    points = marks(chart, "point")
    assert [(mark["milestones"], mark["models"]) for mark in points if "milestones" in mark] == [
        ("2026-02-11 A model of note", "9")
    ]
    assert {(mark["month"], mark["country"], mark["models"]) for mark in points if "milestones" not in mark} == {
        ("Jan 2026", "CN", "0"),
        ("Jan 2026", "US", "4"),
        ("Feb 2026", "CN", "9"),
        ("Feb 2026", "US", "0"),
    }
    assert "25% of that month's new models have no known country" in chart.text


def test_milestones_of_one_month_stand_together_in_its_row():
    more = TABLES["fct_milestones"].replace("'nobody'", "'us-lab'")
    organizations = TABLES["dim_organizations"] + " union all select date '2026-03-15', 'us-lab', 'US'"
    chart = drawn({**TABLES, "fct_milestones": more, "dim_organizations": organizations})["releases"]
    assert chart.rows[0][-1] == "2026-02-11 A model of note; 2026-02-13 Of no country"
    assert "2 diamonds mark the curated model milestones" in chart.text


def test_papers_are_of_the_last_twelve_whole_months_beside_those_of_nobody():
    chart = drawn()["papers"]
    assert chart.rows == (
        ("Lab", 2, 13, 8, "Eighth", "lab-one, lab-two"),
        ("Other", 1, 11, 11, "Eleventh", "other"),
        ("no organization linked", 1, 26, 26, "Nobody's", None),
    )
    assert "25% of the 4 papers, with 52% of the upvotes, name no organization" in chart.text
    bars = {mark["company"]: (mark["upvotes"], mark["drawn"]) for mark in marks(chart, "bar")}
    assert bars == {"Lab": ("13", "13"), "Other": ("11", "11"), "no organization linked": ("26", "14.3")}
    assert [mark["drawn"] for mark in marks(chart, "text")] == ["14.3"]  # which says what it is cut from


def test_companies_after_the_tenth_are_told_together():
    more = (
        "date '2026-03-15', n, 'org-' || n, 'Org ' || n, null, n, date '2026-01-01', 'T' || n from range(20, 31) t(n)"
    )
    papers = f"select * from ({TABLES['fct_papers']}) union all select {more}"
    chart = drawn({**TABLES, "fct_papers": papers})["papers"]
    assert [row[0] for row in chart.rows[:10]] == [f"Org {n}" for n in range(30, 20, -1)]
    assert chart.rows[10:] == (
        ("other companies", 4, 44, 20, "T20", None),
        ("no organization linked", 1, 26, 26, "Nobody's", None),
    )


def test_the_chain_tells_shares_and_none_where_there_is_nothing_to_share():
    chart = drawn()["chain"]
    assert [row[0] for row in chart.rows] == ["Lab", "Few"]
    shares = {(mark["organization"], mark["step"]): mark["share"] for mark in marks(chart, "rect")}
    assert shares["Lab", "models_with_derivatives"] == "0.5"
    assert ("Few", "models_with_derivatives") not in shares
    labels = {(mark["organization"], mark["step"]): mark["label"] for mark in marks(chart, "text")}
    assert labels["Lab", "derivatives_with_spaces"] == "2 of 8"
    assert labels["Few", "models_with_derivatives"] == "0 of 0"
    assert "Of the 5 papers of the 2 organizations with most papers, 2 (40%)" in chart.text


def test_what_was_not_observed_has_no_bar_and_a_chain_without_papers_is_none():
    chain = TABLES["rpt_chain_coverage"]
    spaceless = drawn({**TABLES, "rpt_chain_coverage": chain.replace("8, 2)", "8, null)")})["chain"]
    assert ("Lab", "derivatives_with_spaces") not in {
        (mark["organization"], mark["step"]) for mark in marks(spaceless, "rect")
    }
    unread = "select * replace (null as papers_count, null as papers_with_models_count) from"
    paperless = drawn({**TABLES, "rpt_chain_coverage": f"{unread} ({chain})"})["chain"]
    assert paperless.rows == () and "No organization has papers" in paperless.text


def test_a_month_of_a_sample_has_no_share_without_country():
    months = TABLES["fct_country_monthly"]
    sampled = f"select * replace (null as unattributed_new_models_share) from ({months})"
    assert (
        "models of no known country are not drawn" in drawn({**TABLES, "fct_country_monthly": sampled})["releases"].text
    )


def test_only_amounts_are_divided_and_the_ledger_holds_every_claim():
    chart = drawn()["claims"]
    assert [row[0] for row in chart.rows] == ["place", "share", "words"]
    assert {mark["claim"]: mark["ratio"] for mark in marks(chart, "point")} == {"share": "0.5"}
    assert chart.rows[1][3:6] == ("~ 0.5 share", "0.25", "contradicted")
    assert "2 contradicted, 1 reproduced" in chart.text


def test_claims_of_which_none_can_be_divided_stand_in_the_table_alone():
    chart = drawn({**TABLES, "rpt_claims": f"select * from ({TABLES['rpt_claims']}) where claim_id <> 'share'"})[
        "claims"
    ]
    assert [row[0] for row in chart.rows] == ["place", "words"]
    assert chart.spec is None


@pytest.mark.parametrize("tables", [{}, {name: f"select * from ({sql}) where false" for name, sql in TABLES.items()}])
def test_a_release_without_tables_or_rows_draws_nothing_and_says_why(tables):
    for chart in drawn(tables).values():
        assert chart.spec is None and chart.rows == () and chart.text.endswith(".")


class _Page(HTMLParser):
    """What a browser would make of the page: its elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))


def test_what_strangers_wrote_stays_text_and_no_script_but_the_pages_own_may_run():
    hostile = TABLES | {
        "fct_papers": TABLES["fct_papers"].replace("'Eighth'", f"'{HOSTILE}'").replace("'Lab'", f"'{HOSTILE}'")
    }
    text = render_report(package(), list(drawn(hostile).values()))
    page = _Page(text)

    assert not [attributes for tag, attributes in page.elements if tag == "img"]
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert [attributes["type"] for tag, attributes in page.elements if tag == "script"] == [
        "application/json",
        "application/json",
        "module",
    ]
    assert "{{ 7 * 7 }}" in text and "49>" not in text  # no template of a stranger's is rendered
    script = text.split('<script type="module">')[1].split("</script>")[0]
    policy = next(a["content"] for t, a in page.elements if t == "meta" and "http-equiv" in a)
    allowed = re.search(r"script-src 'sha256-([^']+)'", policy)[1]
    assert base64.b64decode(allowed) == hashlib.sha256(script.encode()).digest()
    assert policy.startswith("default-src 'none'") and "http" not in policy


def test_each_chart_has_its_sentence_its_source_and_its_numbers_as_a_table():
    text = render_report(package(), list(drawn().values()))
    page = _Page(text)

    figures = [attributes for tag, attributes in page.elements if tag == "figure"]
    captions = [tag for tag, _ in page.elements if tag == "figcaption"]
    assert len(figures) == len(captions) == [tag for tag, _ in page.elements].count("details") == 6
    assert "One row per <code>paper</code>." in text
    assert "Synthetic data." in text
    assert "A sample." not in text
    sampled = render_report(package(synthetic=False).model_copy(update={"sample": ["spaces"]}), list(drawn().values()))
    assert "Synthetic data." not in sampled and "<strong>A sample.</strong> Not the whole Hub, of: spaces." in sampled


def test_the_same_charts_give_the_same_bytes_and_each_file_is_described(tmp_path: Path):
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    listed = [write_report(folder, package(), list(drawn().values())) for folder in folders]

    assert listed[0] == listed[1]
    assert sorted(file.path for file in listed[0]) == sorted(
        path.relative_to(folders[0]).as_posix() for path in folders[0].rglob("*") if path.is_file()
    )
    for file in listed[0]:
        assert hashlib.sha256((folders[1] / file.path).read_bytes()).hexdigest() == file.sha256


def test_a_picture_is_a_small_png_that_says_where_its_numbers_are_made_up():
    chart = drawn()["derivatives"]
    true, synthetic = (picture(chart, subtitle=words) for words in ("", "A sandbox made them up"))
    images = [Image.open(io.BytesIO(data)) for data in (true, synthetic)]

    assert all(image.format == "PNG" and image.width == 1440 for image in images)
    assert images[1].height > images[0].height  # a line more at its head
    assert len(set(images[0].convert("RGB").getdata())) > 20  # it is not blank
    assert max(len(true), len(synthetic)) < 300 * 1024
    with pytest.raises(ValueError, match="nothing to draw"):
        picture(drawn({})["papers"], subtitle="")
