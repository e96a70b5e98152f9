"""Crawling what has changed: which orders are read and how far, resuming in any of them, rows that tell no date."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from orchestration.hub import changes, listing
from orchestration.hub.page import Page
from orchestration.hub.session import HubError, HubSession
from tests.contracts.hostile_server import Ask, Reply, hostile_hub, next_link
from tests.contracts.test_hub_session import limits
from tests.sandbox import running_sandbox, small_catalogue

DAY = timedelta(days=1)
NOW = datetime(2026, 11, 23, tzinfo=UTC)
ORDERS = ["lastModified", "createdAt", "downloads", "likes", "trendingScore"]


def row(number: int, *, modified: object = None, created: object = None, **fields: object) -> dict:
    """A repo that was changed `number` days before NOW, and created then too."""
    date = f"{NOW - number * DAY:%Y-%m-%dT%H:%M:%S.000Z}"
    dates = {"lastModified": modified or date, "createdAt": created or date}
    return {"_id": f"{number:024x}", "id": f"owner/model-{number}", "downloads": number, **dates, **fields}


ROWS = [row(number) for number in range(40)]


def sort_of(place: str) -> str:
    return parse_qs(urlsplit(place).query)["sort"][0]


def five_a_page(rows: list):
    """A Hub with `rows` in this order, whatever the sort; five a page, or as few as are asked for."""

    def answer(ask: Ask) -> Reply:
        query = parse_qs(urlsplit(ask.path).query)
        first, limit = int(query.get("cursor", ["0"])[0]), min(5, int(query["limit"][0]))
        link = f"/api/models?limit={limit}&sort={query['sort'][0]}&cursor={first + limit}"
        return Reply(rows[first : first + limit], headers=next_link(link) if first + limit < len(rows) else {})

    return answer


def crawl(url: str, *, days: float = 12, start: str | None = None, top: int = 7, kind: str = "models", **caps) -> list:
    """The pages of a crawl over a base from `days` before NOW, two of them by the overlap."""
    session = HubSession(url, "hf_token", limits=limits(**caps))
    watermark = NOW - days * DAY + 2 * DAY
    found = changes.pages(session, kind, watermark=watermark, overlap=2 * DAY, top=top, start=start)
    return list(found)


def read(pages: list[Page], asks: list[Ask]) -> list[tuple[str, list[int]]]:
    """Order and repos of each page."""
    sorts = [sort_of(ask.path) for ask in asks]
    return [(sort, [int(r["_id"], 16) for r in page.rows]) for sort, page in zip(sorts, pages, strict=True)]


def test_dates_are_read_down_to_the_overlap_and_counters_to_the_number_asked_for():
    with hostile_hub(five_a_page(ROWS)) as hub:
        pages = crawl(hub.url)
    # By date to the page that ends before 12 days ago; by counter two pages, which hold the first seven.
    whole = [list(range(5)), list(range(5, 10)), list(range(10, 15))]
    assert read(pages, hub.asks) == [
        *(("lastModified", numbers) for numbers in whole),
        *(("createdAt", numbers) for numbers in whole),
        *((sort, numbers) for sort in ORDERS[2:] for numbers in whole[:2]),
    ]
    asked = parse_qs(urlsplit(hub.asks[0].path).query)
    assert asked["limit"] == ["1000"] and asked["expand"] == list(listing.FIELDS["models"])
    assert parse_qs(urlsplit(hub.asks[-2].path).query)["limit"] == ["7"]
    assert [page.cursor is None for page in pages] == [False] * 11 + [True]
    assert all(page.requests == 1 for page in pages)


def test_a_row_exactly_at_the_overlap_is_still_read():
    with hostile_hub(five_a_page(ROWS)) as hub:
        at_the_end = crawl(hub.url, days=4, top=0)
        assert [len(page.rows) for page in at_the_end] == [5, 5, 5, 5]
        one_second_later = crawl(hub.url, days=4 - 1 / 86400, top=0)
        assert [len(page.rows) for page in one_second_later] == [5, 5]


def test_spaces_have_no_downloads_and_no_counters_are_read_where_none_are_asked_for():
    with hostile_hub(five_a_page(ROWS)) as hub:
        crawl(hub.url, kind="spaces", days=1)
        assert list(dict.fromkeys(sort_of(ask.path) for ask in hub.asks)) == [o for o in ORDERS if o != "downloads"]
        asked = len(hub.asks)
        crawl(hub.url, top=0, days=1)
        assert [sort_of(ask.path) for ask in hub.asks[asked:]] == ORDERS[:2]


@pytest.mark.parametrize("done", range(1, 12))
def test_a_crawl_goes_on_in_the_order_where_it_stopped_though_the_port_has_changed(done):
    with hostile_hub(five_a_page(ROWS)) as hub:
        whole = crawl(hub.url)
        asks = [ask.path for ask in hub.asks]
    with hostile_hub(five_a_page(ROWS)) as hub:
        rest = crawl(hub.url, start=whole[done - 1].cursor)
    assert [ask.path for ask in hub.asks] == asks[done:]
    assert [(page.rows, page.cursor) for page in rest] == [(page.rows, page.cursor) for page in whole[done:]]


@pytest.mark.parametrize("cursor", ["", "nonsense", "likes", "likes 3", "likes x /api/models", "stars 0 /api/models"])
def test_a_cursor_of_another_crawl_is_refused(cursor):
    with hostile_hub(five_a_page(ROWS)) as hub:
        if cursor:
            with pytest.raises(ValueError, match="is no cursor"):
                crawl(hub.url, start=cursor)
            assert hub.asks == []


@pytest.mark.parametrize("position", range(12))
def test_a_crawl_survives_a_failure_at_any_page(position):
    hub_answer = five_a_page(ROWS)
    with hostile_hub(lambda ask: Reply(status=500) if ask.number == position else hub_answer(ask)) as hub:
        pages = crawl(hub.url)
    assert len(pages) == 12 and sum(page.requests for page in pages) == len(hub.asks) == 13


def test_rows_that_tell_no_date_are_handed_on_and_decide_nothing():
    strange = [
        "poison",
        None,
        {"id": "a/b"},
        row(0, modified=5),
        row(0, modified="today"),
        row(0, modified="2020-01-01"),
    ]
    for number, odd in enumerate(strange):
        # Last on the first page, and a whole page of it; the end is where the next readable date says so.
        rows = [*ROWS[:4], odd, *({**odd, "_id": f"{n}"} if isinstance(odd, dict) else f"{n}" for n in range(5))]
        with hostile_hub(five_a_page([*rows, *ROWS[20:]])) as hub:
            pages = crawl(hub.url, top=0, days=8)
        modified = pages[: [sort_of(ask.path) for ask in hub.asks].count("lastModified")]
        assert [page.rows for page in modified] == [rows[:5], rows[5:], ROWS[20:25]], number


def test_a_list_that_has_become_empty_is_no_day_without_changes():
    hub_answer = five_a_page(ROWS)
    for order in ORDERS:
        got = []
        with hostile_hub(lambda ask, o=order: Reply([]) if sort_of(ask.path) == o else hub_answer(ask)) as hub:
            session = HubSession(hub.url, None, limits=limits())
            with pytest.raises(HubError, match="is empty, which it was not before"):
                got.extend(changes.pages(session, "models", watermark=NOW, overlap=DAY, top=3))
            # What was read is kept, and the next run asks for that order again.
            cursor = got[-1].cursor if got else None
        with hostile_hub(hub_answer) as hub:
            crawl(hub.url, start=cursor)
            assert sort_of(hub.asks[0].path) == order


def test_a_list_that_was_empty_before_may_be_empty():
    with hostile_hub(lambda _: Reply([])) as hub:
        session = HubSession(hub.url, None, limits=limits())
        pages = list(changes.pages(session, "models", watermark=NOW, overlap=DAY, top=3, may_be_empty=True))
    assert [page.rows for page in pages] == [[]] * 5 and pages[-1].cursor is None


def test_next_links_in_a_circle_and_without_end():
    with hostile_hub(lambda ask: Reply(ROWS[:3], headers=next_link(ask.path))) as hub:
        with pytest.raises(HubError, match="circles"):
            crawl(hub.url)
        assert len(hub.asks) == 1
    with hostile_hub(lambda ask: Reply(ROWS[:3], headers=next_link(f"{ask.path}&more"))) as hub:
        with pytest.raises(HubError, match="circles"):  # other links to the same rows
            crawl(hub.url)
        assert len(hub.asks) == 2
    with hostile_hub(
        lambda ask: Reply([row(0, id=f"a/{ask.number}", _id=None)], headers=next_link(f"{ask.path}&more"))
    ) as hub:
        with pytest.raises(HubError, match="more than 7 pages"):
            crawl(hub.url, max_pages=7)
        assert len(hub.asks) == 7


def test_a_next_link_to_another_host_is_gone_on_with_on_this_one():
    with hostile_hub(five_a_page(ROWS)) as other:

        def mirror(ask: Ask) -> Reply:
            reply = five_a_page(ROWS)(ask)
            return Reply(reply.body, headers={k: v.replace("</", f"<{other.url}/") for k, v in reply.headers.items()})

        with hostile_hub(five_a_page(ROWS)) as hub, hostile_hub(mirror) as its_mirror:
            assert [page.rows for page in crawl(its_mirror.url)] == [page.rows for page in crawl(hub.url)]
        assert other.asks == []


@pytest.mark.parametrize("kind", ["models", "datasets", "spaces"])
def test_the_sandbox_hub_knows_every_order(kind, tmp_path):
    catalogue = small_catalogue(models=95)
    rows = catalogue.models
    catalogue.datasets, catalogue.spaces = list(rows), list(rows)
    watermark = datetime(2026, 11, 20, tzinfo=UTC)
    with running_sandbox(catalogue, tmp_path / "hub") as hub:
        found = {}
        for page in changes.pages(
            HubSession(hub.url, None), kind, watermark=watermark, overlap=DAY, top=10, page_size=10
        ):
            found.update({r["id"]: r for r in page.rows})
    due = {r["id"] for r in rows if r["lastModified"] >= "2026-11-19" or r["createdAt"] >= "2026-11-19"}
    for counter in ORDERS[2:]:
        if kind != "spaces" or counter != "downloads":
            ranked = sorted(rows, key=lambda r: (r[counter], r["_id"]), reverse=True)
            due |= {r["id"] for r in ranked[:10]}
    assert due <= set(found) and len(found) < 80
