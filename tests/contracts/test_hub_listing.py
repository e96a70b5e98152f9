"""Crawling the lists: paging, resuming, and links that must not be followed, over real HTTP."""

from typing import get_args
from urllib.parse import parse_qs, urlsplit

import pytest

from orchestration.hub import listing
from orchestration.hub.session import HubError, HubSession, HubUnauthorized
from orchestration.lake.schemas import OUR_COLUMNS, SCHEMAS
from tests.contracts.hostile_server import Ask, Reply, hostile_hub, next_link
from tests.contracts.test_hub_session import limits

ROWS = [{"_id": f"{number:024x}", "id": f"owner/model-{number}"} for number in range(25)]
PAGES = [ROWS[first : first + 5] for first in range(0, 25, 5)]


def well_behaved(ask: Ask) -> Reply:
    """Five rows a page, with an absolute next link as the Hub sends it."""
    number = int(parse_qs(urlsplit(ask.path).query).get("cursor", ["0"])[0])
    link = next_link(f"http://{ask.headers['host']}/api/models?limit=1000&cursor={number + 1}") if number < 4 else {}
    return Reply(PAGES[number], headers=link)


def session(url: str, **changes: float) -> HubSession:
    return HubSession(url, "hf_token", limits=limits(**changes))


def crawl(url: str, *, start: str | None = None, **changes: float) -> list:
    return list(listing.pages(session(url, **changes), "models", start=start))


def test_a_whole_crawl():
    with hostile_hub(well_behaved) as hub:
        pages = crawl(hub.url)
    assert [page.rows for page in pages] == PAGES
    assert [page.cursor is None for page in pages] == [False] * 4 + [True]
    assert [page.requests for page in pages] == [1] * 5
    asked = parse_qs(urlsplit(hub.asks[0].path).query)
    assert (asked["limit"], asked["sort"]) == (["1000"], ["createdAt"])
    assert asked["expand"] == list(listing.FIELDS["models"])


@pytest.mark.parametrize("position", range(5))
def test_a_crawl_survives_a_failure_at_any_page(position):
    def answer(ask: Ask) -> Reply:
        return Reply(status=500) if ask.number == position else well_behaved(ask)

    with hostile_hub(answer) as hub:
        pages = crawl(hub.url)
    assert [page.rows for page in pages] == PAGES
    assert sum(page.requests for page in pages) == len(hub.asks) == 6


@pytest.mark.parametrize("done", range(1, 5))
def test_a_crawl_goes_on_where_it_stopped_though_the_port_has_changed(done):
    with hostile_hub(well_behaved) as hub:
        cursor = crawl(hub.url)[done - 1].cursor
    with hostile_hub(well_behaved) as hub:
        assert [page.rows for page in crawl(hub.url, start=cursor)] == PAGES[done:]
        assert len(hub.asks) == 5 - done


def test_a_cursor_cannot_lead_to_another_host():
    with hostile_hub(well_behaved) as other, hostile_hub(well_behaved) as hub:
        netloc = other.url.removeprefix("http://")
        crawl(hub.url, start=f"//{netloc}/api/models")
        assert hub.asks
        with pytest.raises(HubError, match="no address"):
            crawl(hub.url, start=f"@{netloc}/api/models")
        assert other.asks == []


def test_a_next_link_to_itself():
    with hostile_hub(lambda ask: Reply(ROWS, headers=next_link(ask.path))) as hub:
        with pytest.raises(HubError, match="circles"):
            crawl(hub.url)
        assert len(hub.asks) == 1


def test_next_links_in_a_circle():
    places = ["/api/models?a", "/api/models?b"]
    with hostile_hub(lambda ask: Reply([{"id": str(ask.number)}], headers=next_link(places[ask.number % 2]))) as hub:
        with pytest.raises(HubError, match="circles"):
            crawl(hub.url)
        assert len(hub.asks) == 3


def test_new_links_to_old_rows():
    with hostile_hub(lambda ask: Reply(ROWS, headers=next_link(f"/api/models?{ask.number}"))) as hub:
        with pytest.raises(HubError, match="circles"):
            crawl(hub.url)
        assert len(hub.asks) == 2


@pytest.mark.parametrize("prefix", ["", "/mirror", "/a/b"])
@pytest.mark.parametrize("link", ["{other}/api/models?{query}", "//{host}/api/models?{query}", "/api/models?{query}"])
def test_a_mirror_that_hands_on_the_links_of_its_upstream_is_read_to_its_end(prefix, link):
    with hostile_hub(well_behaved) as other:
        host = other.url.removeprefix("http://")

        def mirror(ask: Ask) -> Reply:
            assert ask.path.startswith(f"{prefix}/api/models?")
            reply = well_behaved(ask)
            number = PAGES.index(reply.body)
            to = link.format(other=other.url, host=host, query=f"limit=1000&cursor={number + 1}")
            return Reply(reply.body, headers=next_link(to) if reply.headers else {})

        with hostile_hub(mirror) as hub:
            pages = crawl(f"{hub.url}{prefix}/")
            assert [page.rows for page in pages] == PAGES
            assert all(page.cursor.startswith(f"{prefix}/api/models?") for page in pages[:-1])
            assert [page.rows for page in crawl(hub.url + prefix, start=pages[1].cursor)] == PAGES[2:]
        assert other.asks == []


def test_a_mirror_that_writes_links_of_its_own_keeps_its_prefix_once():
    def mirror(ask: Ask) -> Reply:
        reply = well_behaved(ask)
        to = f"http://{ask.headers['host']}/mirror/api/models?limit=1000&cursor={PAGES.index(reply.body) + 1}"
        return Reply(reply.body, headers=next_link(to) if reply.headers else {})

    with hostile_hub(mirror) as hub:
        assert [page.rows for page in crawl(f"{hub.url}/mirror")] == PAGES
        assert all(ask.path.count("/mirror") == 1 for ask in hub.asks)


def test_a_link_that_is_no_address():
    link = next_link("http://host:port/api/models")
    with hostile_hub(lambda _: Reply(ROWS, headers=link)) as hub, pytest.raises(HubError, match="no URL"):
        crawl(hub.url)


def by_the_book(ask: Ask) -> Reply:
    """All rows in pages of the size that is asked for."""
    query = parse_qs(urlsplit(ask.path).query)
    first, limit = int(query.get("cursor", ["0"])[0]), int(query["limit"][0])
    link = next_link(f"/api/models?limit={limit}&cursor={first + limit}") if first + limit < len(ROWS) else {}
    return Reply(ROWS[first : first + limit], headers=link)


def of_size(url: str, size: int) -> list:
    return list(listing.pages(session(url), "models", page_size=size))


def limits_asked(asks: list[Ask]) -> list[int]:
    return [int(parse_qs(urlsplit(ask.path).query)["limit"][0]) for ask in asks]


@pytest.mark.parametrize(
    ("size", "asked"), [(5, [5, 5, 5, 5, 5, 4, 4]), (25, [25, 24, 24]), (26, [26]), (10, [10] * 3)]
)
def test_a_list_that_ends_with_a_full_page_is_asked_once_more_and_is_whole(size, asked):
    with hostile_hub(by_the_book) as hub:
        pages = of_size(hub.url, size)
    assert [row for page in pages for row in page.rows] == ROWS
    assert limits_asked(hub.asks) == asked and sum(page.requests for page in pages) == len(asked)
    assert pages[-1].cursor is None


def test_a_link_that_was_lost_once_is_found_again():
    def answer(ask: Ask) -> Reply:
        reply = by_the_book(ask)
        return Reply(reply.body) if ask.number == 1 else reply

    with hostile_hub(answer) as hub:
        assert [row for page in of_size(hub.url, 10) for row in page.rows] == ROWS
    assert limits_asked(hub.asks) == [10, 10, 9, 9]


@pytest.mark.parametrize("obeyed", [True, False])
def test_a_mirror_that_drops_all_links_is_an_interrupted_list(obeyed):
    def answer(ask: Ask) -> Reply:
        return Reply(by_the_book(ask).body if obeyed else ROWS[:10])

    said = r"was interrupted: a page of \d+ rows, as many as were asked for, comes without"
    with hostile_hub(answer) as hub, pytest.raises(HubError, match=said):
        of_size(hub.url, 10)
    assert limits_asked(hub.asks) == [10, 9]


def test_what_was_read_before_a_list_was_cut_is_gone_on_from():
    cut = lambda ask: Reply(by_the_book(ask).body, headers=by_the_book(ask).headers if ask.number < 2 else {})  # noqa: E731
    got = []
    with hostile_hub(cut) as hub, pytest.raises(HubError, match="interrupted"):
        for page in listing.pages(session(hub.url), "models", page_size=8):
            got.append(page)
    assert [len(page.rows) for page in got] == [8, 8]
    with hostile_hub(by_the_book) as hub:
        rest = list(listing.pages(session(hub.url), "models", start=got[-1].cursor))
    assert [row for page in (*got, *rest) for row in page.rows] == ROWS


@pytest.mark.parametrize(
    ("created", "is_whole"), [("2022-03-02T23:29:35.000Z", True), ("2022-03-02T23:30:00.000Z", False)]
)
def test_the_hubs_own_list_ends_in_the_minute_of_its_floor(monkeypatch, created, is_whole):
    rows = [{**row, "createdAt": f"2026-01-{25 - n:02}T00:00:00.000Z"} for n, row in enumerate(ROWS)]
    rows[-1]["createdAt"] = created
    with hostile_hub(lambda _: Reply(rows)) as hub:
        assert [page.rows for page in crawl(hub.url)] == [rows]  # another Hub may end where it likes
        monkeypatch.setattr(listing, "THE_HUB", hub.url)
        if is_whole:
            assert [page.rows for page in crawl(hub.url)] == [rows]
        else:
            with pytest.raises(HubError, match="was interrupted: its last page does not end in the minute 2022-03-02"):
                crawl(hub.url)


@pytest.mark.parametrize("rows", [[], [None], [{"id": "a/b"}], [{"id": "a/b", "createdAt": 5}]])
def test_an_end_of_the_hubs_own_list_that_tells_no_date_is_none(monkeypatch, rows):
    with hostile_hub(lambda _: Reply(rows)) as hub:
        monkeypatch.setattr(listing, "THE_HUB", hub.url)
        with pytest.raises(HubError, match="interrupted"):
            crawl(hub.url)


def test_pages_without_end():
    rows = iter(range(1000))
    with hostile_hub(lambda ask: Reply([{"id": next(rows)}], headers=next_link(f"/api/models?{ask.number}"))) as hub:
        with pytest.raises(HubError, match="more than 7 pages"):
            crawl(hub.url, max_pages=7)
        assert len(hub.asks) == 7


def test_overlapping_pages_are_handed_on():
    first, second = ROWS[:5], ROWS[3:8]
    replies = [Reply(first, headers=next_link("/api/models?2")), Reply(second)]
    with hostile_hub(lambda ask: replies[ask.number]) as hub:
        assert [page.rows for page in crawl(hub.url)] == [first, second]


def test_an_empty_list_is_one_empty_page():
    with hostile_hub(lambda _: Reply([])) as hub:
        (page,) = crawl(hub.url)
    assert (page.rows, page.cursor) == ([], None)


def test_a_token_refused_in_the_middle_leaves_the_pages_before_it():
    got = []
    with (
        hostile_hub(lambda ask: well_behaved(ask) if ask.number < 2 else Reply(status=401)) as hub,
        pytest.raises(HubUnauthorized),
    ):
        for page in listing.pages(session(hub.url), "models"):
            got.append(page.rows)
    assert got == PAGES[:2]


def test_rows_that_are_no_objects_are_handed_on():
    rows = [None, 5, "text", [], ROWS[0], {"id": ["x"]}]
    with hostile_hub(lambda _: Reply(rows)) as hub:
        assert crawl(hub.url)[0].rows == rows


@pytest.mark.parametrize("kind", ["models", "datasets", "spaces"])
def test_the_fields_asked_for_are_those_of_the_raw_table(kind):
    ours = {"id", "_id", *OUR_COLUMNS}
    assert set(listing.FIELDS[kind]) == set(SCHEMAS[kind].names) - ours


def test_the_client_knows_every_field_that_is_asked_for():
    from huggingface_hub import hf_api

    known = {
        "models": hf_api.ExpandModelProperty_T,
        "datasets": hf_api.ExpandDatasetProperty_T,
        "spaces": hf_api.ExpandSpaceProperty_T,
    }
    for kind, fields in listing.FIELDS.items():
        assert set(fields) <= set(get_args(known[kind]))
