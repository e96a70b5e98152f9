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
    link = next_link(f"http://{ask.headers['host']}/api/models?limit=5&cursor={number + 1}") if number < 4 else {}
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


def test_a_next_link_to_another_host_is_not_asked():
    with (
        hostile_hub(well_behaved) as other,
        hostile_hub(lambda _: Reply(ROWS, headers=next_link(f"{other.url}/api/models"))) as hub,
    ):
        with pytest.raises(HubError, match="another host"):
            crawl(hub.url)
        assert other.asks == []


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
