"""The charts of a release: what each shows, read from the release's own tables, and how it is drawn.

Belongs here: short SQL over the published tables, the sentence that says what a chart shows, its numbers as a table,
and its Vega-Lite specification. Not here: how anything is counted, which is written down in docs/definitions.md and
done in dbt; nor the page and the files that the charts end up in (`report`).
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    import altair as alt

# All published tables that a chart reads; dbt lists them under the exposure `report`.
TABLES_READ = (
    "dim_organizations",
    "fct_country_monthly",
    "fct_derivative_counts",
    "fct_milestones",
    "fct_organization_snapshots",
    "fct_papers",
    "rpt_chain_coverage",
    "rpt_claims",
)
DEFINITIONS = (
    "direct_external",
    "direct",
    "edges",
    "fractional",
    "transitive_external",
    "transitive",
    "declared",
    "tagged",
)
# Told apart by people who do not see red and green, on white and on nearly black (after Okabe and Ito), and by shape.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#8a8a8a", "#b59f00", "#7a68d8", "#b0583f")
SHAPES = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "triangle-right", "triangle-left")
_GREY = "#8a8a8a"
_MOST = 10  # accounts, families and organizations in one chart
_MONTHS = 36
_CHARACTERS = 120  # of a title that somebody else wrote

_FOLLOWERS = f"""
    with first as (
        select handle from fct_organization_snapshots
        where snapshot_date = $day and followers_count > 0
        order by followers_count desc, handle limit {_MOST}
    )
    select snapshot_date, handle, organization, followers_count
    from fct_organization_snapshots semi join first using (handle)
    where followers_count > 0 order by snapshot_date, followers_count desc, handle
"""
_DERIVATIVES = f"""
    with families as (
        select * from fct_derivative_counts
        where snapshot_date = $day and subject_type = 'family' and relation = 'all'
    ),
    first as (
        select subject from families where definition = 'direct_external' order by value desc, subject limit {_MOST}
    )
    select subject, definition, value from families semi join first using (subject) order by subject, definition
"""
_RELEASES = f"""
    with months as (
        select month, country, new_models_count, unattributed_new_models_share
        from fct_country_monthly
        where snapshot_date = $day and country_rule = 'headquarters' and month < date_trunc('month', $day)
            and month >= date_trunc('month', $day) - interval {_MONTHS} month
    ),
    first as (
        select country from months where country <> 'unattributed'
        group by country order by sum(new_models_count) desc, country limit 6
    )
    select month, country, new_models_count, unattributed_new_models_share
    from months semi join first using (country) order by month, country
"""
_MILESTONES = """
    select cast(date_trunc('month', m.event_date) as date) as month, o.country, m.event_date, m.title
    from fct_milestones as m inner join dim_organizations as o using (snapshot_date, handle)
    where m.snapshot_date = $day and m.event_type = 'model'
    order by m.event_date, m.title
"""
_PAPERS = """
    with recent as (
        select * from fct_papers
        where snapshot_date = $day and first_daily_date >= date_trunc('month', $day) - interval 12 month
            and first_daily_date < date_trunc('month', $day)
    ),
    ranked as (
        select organization, upvotes, title,
            row_number() over (partition by organization order by upvotes desc nulls last, paper_id) as place
        from recent
    )
    select organization, count(*), sum(upvotes) as votes, max(upvotes), max(title) filter (where place = 1)
    from ranked group by organization order by votes desc nulls last, organization
"""
_CHAIN = f"""
    select organization, papers_count, papers_with_models_count, models_count, models_with_derivatives_count,
        derivatives_count, derivatives_with_spaces_count
    from rpt_chain_coverage where snapshot_date = $day and organization <> 'unattributed'
    order by papers_count desc, models_count desc, organization limit {_MOST}
"""
_CLAIMS = """
    select claim_id, statement, source, comparator, claimed_value, unit, measured_value,
        coalesce(measured_text, printf('%.10g', round(measured_value, 4))), verdict, reason
    from rpt_claims where snapshot_date = $day order by claim_id
"""
# Units of claims that cannot be divided: the second place is not twice the first.
_NO_AMOUNTS = ("flag", "rank")
_STEPS = (
    ("papers with models", "papers"),
    ("models with derivatives", "models"),
    ("derivatives with Spaces", "derivatives"),
)


# The steps' names are too long for a telephone in one line.
_TWO_LINES = "[split(datum.label, ' with ')[0], 'with ' + split(datum.label, ' with ')[1]]"


@dataclass(frozen=True)
class Chart:
    """One chart: `text` says what it shows, `columns` and `rows` are its numbers, `spec` is its Vega-Lite.

    `spec` is None where the release has nothing to draw; `text` then says why. `table` is the published table that the
    numbers lie in, whose description says how they are counted.
    """

    name: str
    title: str
    text: str
    table: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    spec: dict[str, Any] | None = None


def charts(connection: duckdb.DuckDBPyConnection, tables: Sequence[str], day: dt.date) -> list[Chart]:
    """All charts of a release.

    Args:
        connection: has the release's tables as views.
        tables: names of those that have rows; the others have no view.
        day: the snapshot of the release.
    """

    def ask(sql: str, *needed: str) -> list[tuple[Any, ...]]:
        return connection.execute(sql, {"day": day}).fetchall() if set(needed) <= set(tables) else []

    return [
        _followers(ask(_FOLLOWERS, "fct_organization_snapshots")),
        _derivatives(ask(_DERIVATIVES, "fct_derivative_counts")),
        _releases(
            ask(_RELEASES, "fct_country_monthly"),
            ask(_MILESTONES, "fct_milestones", "dim_organizations"),
        ),
        _papers(ask(_PAPERS, "fct_papers")),
        _chain(ask(_CHAIN, "rpt_chain_coverage")),
        _claims(ask(_CLAIMS, "rpt_claims")),
    ]


def _drawn(chart: Chart, drawing: Callable[[], "alt.Chart | alt.LayerChart"]) -> Chart:
    """The chart with its specification, as wide as the place it is put in."""
    spec = drawing().properties(width="container").to_dict()
    spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    spec["description"] = f"{chart.title}. {chart.text}"
    return replace(chart, spec=spec)


def _data(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> "alt.InlineData":
    import altair as alt

    plain = [[value.isoformat() if isinstance(value, dt.date) else value for value in row] for row in rows]
    return alt.InlineData(values=[dict(zip(columns, row, strict=True)) for row in plain])


def _followers(rows: list[tuple[Any, ...]]) -> Chart:
    title, table = "Most followed organizations over time", "fct_organization_snapshots"
    if not rows:
        return Chart("followers", title, "No followers were observed.", table)
    import altair as alt

    days = sorted({row[0] for row in rows})
    latest = [row for row in rows if row[0] == days[-1]]
    text = f"{latest[0][1]} leads with {latest[0][3]:,} followers on {days[-1]}"
    text += f", before {latest[1][1]} with {latest[1][3]:,}. " if len(latest) > 1 else ". "
    text += f"{len(days)} snapshots since {days[0]}." if len(days) > 1 else "There is one snapshot so far, so no trend."
    columns = ("snapshot", "account", "organization", "followers")
    tips = [
        alt.Tooltip("account:N"),
        alt.Tooltip("utcyearmonthdate(snapshot):T", title="snapshot"),
        alt.Tooltip("followers:Q", format=","),
    ]
    order = [row[1] for row in latest]

    def drawing() -> alt.Chart:
        base = alt.Chart(_data(columns, rows)).encode(tooltip=tips)
        if len(days) == 1:
            return base.mark_bar(color=COLOURS[0]).encode(
                x=alt.X("followers:Q", axis=_counts(), title="followers"),
                y=alt.Y("account:N", sort=order, title=None),
            )
        return base.mark_line(strokeJoin="round", point=alt.OverlayMarkDef(size=36)).encode(
            x=alt.X("utcyearmonthdate(snapshot):T", title=None),
            y=alt.Y("followers:Q", axis=_counts(), title="followers (log scale)", scale=alt.Scale(type="log")),
            color=alt.Color("account:N", sort=order, scale=_colours(order), legend=_legend(None)),
        )

    return _drawn(Chart("followers", title, text, table, columns, tuple(rows)), drawing)


def _derivatives(rows: list[tuple[Any, ...]]) -> Chart:
    title, table = "Derivatives of the largest families under each definition", "fct_derivative_counts"
    counted = {(family, name): value for family, name, value in rows}
    families = sorted({row[0] for row in rows}, key=lambda f: (-(counted.get((f, "direct_external")) or 0), f))
    if not families:
        return Chart("derivatives", title, "No family has a derivative in this release.", table)
    import altair as alt

    first = families[0]
    known = [counted[first, name] for name in DEFINITIONS if counted.get((first, name)) is not None]
    text = (
        f"{first} has {_number(counted[first, 'direct_external'])} derivatives by other organizations "
        f"(direct_external), the most of all families; by definition the count of {first} goes from "
        f"{_number(min(known))} to {_number(max(known))}."
    )
    columns = ("family", "definition", "models")

    def drawing() -> alt.LayerChart:
        base = alt.Chart(_data(columns, [row for row in rows if row[1] in DEFINITIONS]))
        y = alt.Y("family:N", sort=families, title=None)
        span = base.mark_rule(color=_GREY, opacity=0.6).encode(x=alt.X("min(models):Q"), x2="max(models):Q", y=y)
        dots = base.mark_point(filled=True, size=80, opacity=0.95).encode(
            x=alt.X("models:Q", axis=_counts(), title="models"),
            y=y,
            color=alt.Color(
                "definition:N", sort=list(DEFINITIONS), scale=_colours(DEFINITIONS), legend=_legend("definition")
            ),
            shape=alt.Shape(
                "definition:N",
                sort=list(DEFINITIONS),
                scale=alt.Scale(domain=list(DEFINITIONS), range=list(SHAPES)),
                legend=_legend("definition"),
            ),
            tooltip=["family:N", "definition:N", alt.Tooltip("models:Q", format=",.10~g")],
        )
        return alt.layer(span, dots).properties(height=alt.Step(30))

    shown = tuple((f, *(counted.get((f, name)) for name in DEFINITIONS)) for f in families)
    return _drawn(Chart("derivatives", title, text, table, ("family", *DEFINITIONS), shown), drawing)


def _releases(rows: list[tuple[Any, ...]], milestones: list[tuple[Any, ...]]) -> Chart:
    title, table = "New models by month and country, with milestones", "fct_country_monthly"
    if not rows:
        return Chart("releases", title, "No whole month has a new model of a known country.", table)
    import altair as alt

    months = sorted({row[0] for row in rows})
    count = {(month, country): value for month, country, value, _ in rows}
    shares = {row[0]: row[3] for row in rows}
    # All models of a month are counted, so a country without a row in it has none of them.
    rows = [(m, c, count.setdefault((m, c), 0), shares[m]) for m in months for c in sorted({row[1] for row in rows})]
    last = sorted(((c, v) for (m, c), v in count.items() if m == months[-1]), key=lambda item: (-item[1], item[0]))
    marked = [
        (month, country, event_date, _short(name), count[month, country])
        for month, country, event_date, name in milestones
        if (month, country) in count
    ]
    text = (
        f"In {months[-1]:%B %Y} most new models of a known country came from {last[0][0]} ({_number(last[0][1])}); "
        f"{shares[months[-1]]:.0%} of that month's new models have no known country and are not drawn. "
        f"{len(marked)} curated model milestones are marked."
    )
    columns = ("month", "country", "models", "unattributed")
    countries = [c for c, _ in sorted(_totals(rows).items(), key=lambda item: (-item[1], item[0]))]

    def drawing() -> alt.LayerChart:
        colour = alt.Color("country:N", sort=countries, scale=_colours(countries), legend=_legend("headquarters"))
        y = alt.Y("models:Q", axis=_counts(), title="new models a month")
        lines = (
            alt.Chart(_data(columns, rows))
            .mark_line(strokeJoin="round", point=alt.OverlayMarkDef(size=16))
            .encode(
                x=alt.X("utcyearmonth(month):T", title=None),
                y=y,
                color=colour,
                tooltip=[
                    "country:N",
                    alt.Tooltip("utcyearmonth(month):T", title="month"),
                    alt.Tooltip("models:Q", format=",.10~g"),
                ],
            )
        )
        points = (
            alt.Chart(_data(("month", "country", "date", "milestone", "models"), marked))
            .mark_point(shape="diamond", filled=True, size=110, stroke="white", strokeWidth=1)
            .encode(x="utcyearmonth(month):T", y=y, color=colour, tooltip=["milestone:N", "date:N", "country:N"])
        )
        return alt.layer(lines, points)

    by_month = tuple(
        (
            month,
            *(count[month, country] for country in countries),
            shares[month],
            "; ".join(name for m, _, _, name, _ in marked if m == month),
        )
        for month in reversed(months)
    )
    head = ("month", *countries, "share without country", "milestones")
    return _drawn(Chart("releases", title, text, table, head, by_month), drawing)


def _papers(rows: list[tuple[Any, ...]]) -> Chart:
    title, table = "Most upvoted papers by organization", "fct_papers"
    votes = sum(row[2] or 0 for row in rows)
    linked = [(_short(name), papers, v, best, _short(t)) for name, papers, v, best, t in rows if name is not None]
    if not votes or not linked:
        return Chart(
            "papers",
            title,
            "No paper of the last twelve whole months has upvotes and an organization.",
            table,
        )
    import altair as alt

    linked = linked[:_MOST]
    papers = sum(row[1] for row in rows)
    without = [row for row in rows if row[0] is None]
    shares = [sum(row[at] or 0 for row in without) / whole for at, whole in ((1, papers), (2, votes))]
    text = (
        f"Papers of {linked[0][0]} got most upvotes in the last twelve whole months ({linked[0][2]:,}). "
        f"{shares[0]:.0%} of the {papers:,} papers, with {shares[1]:.0%} of the upvotes, name no organization."
    )
    columns = ("organization", "papers", "upvotes", "best", "paper")
    nobody = "no organization linked"
    shown = [*linked, *((nobody, p, v, best, _short(t)) for _, p, v, best, t in without)]

    def drawing() -> alt.Chart:
        # The axis ends where the organizations do: the bar of the unlinked would make all others tiny.
        longest = max(row[2] or 0 for row in linked) * 1.1
        cut = any((row[2] or 0) > longest for row in without)
        bars = alt.Chart(_data(columns, shown)).mark_bar(clip=True)
        return bars.encode(
            x=alt.X(
                "upvotes:Q",
                axis=_counts(),
                title="upvotes (the grey bar is cut)" if cut else "upvotes",
                scale=alt.Scale(domain=[0, longest], clamp=True),
            ),
            y=alt.Y("organization:N", sort=[row[0] for row in shown], title=None),
            color=alt.condition(alt.datum.organization == nobody, alt.value(_GREY), alt.value(COLOURS[0])),
            tooltip=["organization:N", "papers:Q", alt.Tooltip("upvotes:Q", format=","), "best:Q", "paper:N"],
        ).properties(height=alt.Step(26))

    head = ("organization", "papers", "upvotes", "upvotes of the best", "best paper")
    return _drawn(Chart("papers", title, text, table, head, tuple(shown)), drawing)


def _chain(rows: list[tuple[Any, ...]]) -> Chart:
    title, table = "How far the chain goes", "rpt_chain_coverage"
    if not rows:
        return Chart("chain", title, "No organization has papers or models in this release.", table)
    import altair as alt

    papers, with_models = sum(row[1] for row in rows), sum(row[2] for row in rows)
    text = (
        f"Of the {papers:,} papers of the {len(rows)} organizations with most papers, {with_models:,} "
        f"({_share(with_models, papers)}) have a model on the Hub."
    )
    columns = ("organization", "step", "share", "label", "of")
    cells = [
        (
            _short(row[0]),
            step,
            row[2 + 2 * at] / row[1 + 2 * at] if row[1 + 2 * at] else None,
            f"{row[2 + 2 * at]:,} of {row[1 + 2 * at]:,}",
            of,
        )
        for row in rows
        for at, (step, of) in enumerate(_STEPS)
    ]

    def drawing() -> alt.LayerChart:
        base = alt.Chart(_data(columns, cells)).encode(
            x=alt.X(
                "step:N",
                sort=[step for step, _ in _STEPS],
                title=None,
                axis=alt.Axis(labelAngle=0, orient="top", labelExpr=_TWO_LINES),
            ),
            y=alt.Y("organization:N", sort=[_short(row[0]) for row in rows], title=None),
            tooltip=["organization:N", "step:N", "label:N", alt.Tooltip("share:Q", format=".0%")],
        )
        tiles = base.mark_rect().encode(
            color=alt.Color("share:Q", scale=alt.Scale(range=["#dbe9f6", "#08519c"], domain=[0, 1]), legend=None)
        )
        words = base.mark_text(fontSize=11).encode(
            text="label:N",
            color=alt.condition("datum.share > 0.45", alt.value("#ffffff"), alt.value("#111111")),
        )
        return alt.layer(tiles, words).properties(height=alt.Step(28))

    head = ("organization", "papers", "with models", "models", "with derivatives", "derivatives", "with Spaces")
    shown = tuple((_short(row[0]), *row[1:]) for row in rows)
    return _drawn(Chart("chain", title, text, table, head, shown), drawing)


def _claims(rows: list[tuple[Any, ...]]) -> Chart:
    title, table = "Public claims beside what is measured", "rpt_claims"
    if not rows:
        return Chart("claims", title, "The ledger has no claims in this release.", table)
    import altair as alt

    verdicts = sorted({row[8] for row in rows})
    counts = ", ".join(f"{sum(row[8] == v for row in rows)} {v}" for v in verdicts)
    compared = [
        (row[0], _short(row[1]), row[6] / float(row[4]), row[4], row[7], row[8])
        for row in rows
        if row[5] not in _NO_AMOUNTS and row[6] and row[6] > 0 and _is_number(row[4]) and float(row[4]) > 0
    ]
    text = (
        f"Of {len(rows)} public claims the verdicts are: {counts}. "
        f"The {len(compared)} about amounts that were measured are drawn as measured over claimed; "
        "at 1 they are just what was claimed."
    )
    columns = ("claim", "statement", "ratio", "claimed", "measured", "verdict")

    def drawing() -> alt.LayerChart:
        base = alt.Chart(_data(columns, compared))
        dots = base.mark_point(filled=True, size=80).encode(
            x=alt.X("ratio:Q", scale=alt.Scale(type="log"), title="measured / claimed", axis=_counts("~g")),
            y=alt.Y("claim:N", title=None, axis=alt.Axis(labelLimit=170)),
            color=alt.Color("verdict:N", scale=_colours(verdicts), legend=_legend("verdict")),
            shape=alt.Shape("verdict:N", scale=alt.Scale(domain=verdicts, range=list(SHAPES[: len(verdicts)]))),
            tooltip=["statement:N", "claimed:N", "measured:N", alt.Tooltip("ratio:Q", format=".3~g"), "verdict:N"],
        )
        one = alt.Chart(alt.InlineData(values=[{"ratio": 1}])).mark_rule(strokeDash=[4, 4], color=_GREY)
        return alt.layer(one.encode(x="ratio:Q"), dots).properties(height=alt.Step(22))

    head = ("claim", "statement", "source", "claimed", "measured", "verdict", "reason")
    ledger = tuple(
        (row[0], row[1], row[2], " ".join(filter(None, (row[3], row[4], row[5]))), row[7], row[8], row[9])
        for row in rows
    )
    chart = Chart("claims", title, text, table, head, ledger)
    return _drawn(chart, drawing) if compared else chart


def _colours(domain: Sequence[str]) -> "alt.Scale":
    import altair as alt

    return alt.Scale(domain=list(domain), range=list(COLOURS[: len(domain)]))


def _counts(form: str = ",.10~g") -> "alt.Axis":
    import altair as alt

    return alt.Axis(format=form, tickCount=6, labelOverlap=True)


def _legend(title: str | None) -> "alt.Legend":
    import altair as alt

    return alt.Legend(orient="bottom", columns=2, title=title, symbolLimit=0, labelLimit=140)


def _totals(rows: Sequence[Sequence[Any]]) -> dict[str, float]:
    totals: dict[str, float] = {}
    for _, country, value, _ in rows:
        totals[country] = totals.get(country, 0) + (value or 0)
    return totals


def _short(text: str | None) -> str:
    """One line, at most as long as fits a tooltip."""
    line = " ".join((text or "").split())
    return line if len(line) <= _CHARACTERS else f"{line[: _CHARACTERS - 1]}…"


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.0%}" if whole else "none"


def _is_number(text: str | None) -> bool:
    try:
        float(text or "")
    except ValueError:
        return False
    return True
