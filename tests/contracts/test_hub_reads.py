"""Organization overviews and daily papers over real HTTP."""

from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest

from orchestration.hub import organizations, papers
from orchestration.hub.session import HubError, HubSession
from tests.contracts.hostile_server import Ask, Reply, hostile_hub
from tests.contracts.test_hub_session import QUICK

HANDLES = ["zai-org", "Qwen", "qwen", "google", "no-such", "meta-llama", "../../evil", "a b", "", ".", "x/y", "É"]


def overview(ask: Ask) -> Reply:
    name = ask.path.split("/")[3]
    return Reply(status=404) if name == "no-such" else Reply({"name": name, "handle": "theirs", "numFollowers": 3})


def crawl_organizations(url: str, **options):
    return list(organizations.pages(HubSession(url, None, limits=QUICK), HANDLES, **options))


def test_overviews_come_in_order_and_what_is_missing_is_listed():
    with hostile_hub(overview) as hub:
        pages = crawl_organizations(hub.url, batch=4)
    rows = [row for page in pages for row in page.rows]
    assert [row["handle"] for row in rows] == ["google", "meta-llama", "Qwen", "zai-org"]
    assert all(row["numFollowers"] == 3 for row in rows)
    missing = [name for page in pages for name in page.not_found]
    assert sorted(missing) == sorted(["no-such", "../../evil", "a b", "", ".", "x/y", "?"])
    assert [ask.path for ask in hub.asks] == [
        f"/api/organizations/{name}/overview" for name in ("google", "meta-llama", "no-such", "Qwen", "zai-org")
    ]
    assert pages[-1].cursor is None and all(page.cursor is not None for page in pages[:-1])
    assert sum(page.requests for page in pages) == 5


@pytest.mark.parametrize("batch", [1, 3, 4, 11, 50])
def test_overviews_go_on_after_any_page(batch):
    with hostile_hub(overview) as hub:
        whole = crawl_organizations(hub.url, batch=batch)
        for done, page in enumerate(whole[:-1], start=1):
            rest = crawl_organizations(hub.url, batch=batch, start=page.cursor)
            assert [p.rows for p in rest] == [p.rows for p in whole[done:]]
            assert [p.not_found for p in rest] == [p.not_found for p in whole[done:]]


def refusing(refused: dict[str, int]):
    """Overviews, but of some handles a refusal with that status, for a reason of their own."""

    def answer(ask: Ask) -> Reply:
        name = ask.path.split("/")[3]
        return Reply({"error": f"no {name} here"}, status=refused[name]) if name in refused else overview(ask)

    return answer


def crawl_handles(url: str, handles: list[str], **options):
    return list(organizations.pages(HubSession(url, None, limits=QUICK), handles, **options))


@pytest.mark.parametrize("status", [403, 410, 451, 500])
def test_one_organization_that_is_refused_is_listed_with_the_status(status):
    with hostile_hub(refusing({"Qwen": status})) as hub:
        (page,) = crawl_organizations(hub.url)
        assert [row["handle"] for row in page.rows] == ["google", "meta-llama", "zai-org"]
        assert f"Qwen (status {status})" in page.not_found and len(page.not_found) == 8
        assert page.requests == len(hub.asks) == (5 if status != 500 else 5 + QUICK.max_retries)


@pytest.mark.parametrize("status", [401, 402, 429, 503])
def test_an_answer_that_is_not_about_one_organization_is_about_the_hub(status):
    with hostile_hub(refusing({"Qwen": status})) as hub, pytest.raises(HubError, match=r"\(no Qwen here\)"):
        crawl_organizations(hub.url)


@pytest.mark.parametrize("batch", [1, 7, 50])
def test_more_refusals_than_a_set_share_are_the_hubs(batch):
    handles = [f"org-{number:02}" for number in range(40)]
    refused = dict.fromkeys(handles[5:35:10], 403)
    with hostile_hub(refusing(refused)) as hub:
        pages = crawl_handles(hub.url, handles, batch=batch, max_refused_share=3 / 40)
        assert [name for page in pages for name in page.not_found] == [f"{name} (status 403)" for name in refused]
        got = []
        said = "3 organizations are refused, more than may be left out, the last one so: .*org-25.*status 403"
        with pytest.raises(HubError, match=said):
            for page in organizations.pages(HubSession(hub.url, None, limits=QUICK), handles, batch=batch):
                got.append(page)
        # A crawl that goes on from there has not forgotten what was refused before.
        if got:
            with pytest.raises(HubError, match=said):
                crawl_handles(hub.url, handles, batch=batch, start=got[-1].cursor)


def test_no_handles_make_one_empty_page():
    (page,) = organizations.pages(HubSession("http://127.0.0.1:1", None), [])
    assert (page.rows, page.cursor, page.requests) == ([], None, 0)


def test_a_list_in_place_of_an_overview():
    with hostile_hub(lambda _: Reply([])) as hub, pytest.raises(HubError, match="no JSON object"):
        crawl_organizations(hub.url)


def papers_of(counts: dict[str, int]):
    """Answers as the Hub does: `limit` items of page `p` of the day, no link."""

    def answer(ask: Ask) -> Reply:
        query = {name: values[0] for name, values in parse_qs(urlsplit(ask.path).query).items()}
        items = [{"paper": {"id": f"{query['date']}.{n}"}, "date": "x"} for n in range(counts.get(query["date"], 0))]
        first = int(query["p"]) * int(query["limit"])
        return Reply(items[first : first + int(query["limit"])])

    return answer


def crawl_papers(url: str, start: str | None = None, batch: int = 1):
    session = HubSession(url, None, limits=QUICK)
    return list(papers.pages(session, date(2026, 2, 27), date(2026, 3, 2), start=start, batch=batch))


def test_each_day_is_a_page_with_all_of_its_papers():
    counts = {"2026-02-27": 250, "2026-02-28": 0, "2026-03-01": 100, "2026-03-02": 3}
    with hostile_hub(papers_of(counts)) as hub:
        pages = crawl_papers(hub.url)
        for page, (day, count) in zip(pages, counts.items(), strict=True):
            assert [row["paper"]["id"] for row in page.rows] == [f"{day}.{n}" for n in range(count)]
            assert {row["date"] for row in page.rows} <= {day}
        assert [page.cursor for page in pages] == ["2026-02-28", "2026-03-01", "2026-03-02", None]
        assert [page.requests for page in pages] == [3, 1, 2, 1]
        assert [page.rows for page in crawl_papers(hub.url, start="2026-03-01")] == [p.rows for p in pages[2:]]


def test_days_that_share_a_page_are_all_told_in_order():
    counts = {"2026-02-27": 250, "2026-02-28": 0, "2026-03-01": 100, "2026-03-02": 3}
    with hostile_hub(papers_of(counts)) as hub:
        pages = crawl_papers(hub.url, batch=3)
        assert [row["paper"]["id"] for page in pages for row in page.rows] == [
            f"{day}.{n}" for day, count in counts.items() for n in range(count)
        ]
        assert [(page.cursor, page.requests) for page in pages] == [("2026-03-02", 6), (None, 1)]
        assert [page.rows for page in crawl_papers(hub.url, start=pages[0].cursor, batch=3)] == [pages[1].rows]


@pytest.mark.parametrize("batch", [1, 3])
def test_a_hub_without_daily_papers_is_one_empty_page_that_says_so(batch):
    with hostile_hub(lambda _: Reply({"error": "Not found"}, status=404)) as hub:
        (page,) = crawl_papers(hub.url, batch=batch)
        assert (page.rows, page.cursor, page.not_found, page.requests) == ([], None, ["/api/daily_papers"], 1)


@pytest.mark.parametrize("batch", [1, 3])
def test_a_hub_that_had_papers_a_moment_ago_has_daily_papers(batch):
    answer = papers_of({"2026-02-27": 3})
    with hostile_hub(lambda ask: Reply(status=404) if ask.number else answer(ask)) as hub:
        with pytest.raises(HubError, match="does not exist"):
            crawl_papers(hub.url, batch=batch)
        with pytest.raises(HubError, match="does not exist"):
            crawl_papers(hub.url, batch=batch, start="2026-02-28")


def test_a_day_that_repeats_itself():
    items = [{"paper": {"id": str(n)}} for n in range(100)]
    with hostile_hub(lambda _: Reply(items)) as hub, pytest.raises(HubError, match="repeat"):
        crawl_papers(hub.url)


def test_a_day_without_end():
    with hostile_hub(lambda ask: Reply([{"paper": {"id": f"{ask.number}.{n}"}} for n in range(100)])) as hub:
        with pytest.raises(HubError, match="no end"):
            crawl_papers(hub.url)
        assert len(hub.asks) <= 50


def test_days_in_the_wrong_order():
    with pytest.raises(ValueError, match="before"):
        list(papers.pages(HubSession("http://127.0.0.1:1", None), date(2026, 2, 2), date(2026, 2, 1)))
