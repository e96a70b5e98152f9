"""What the sandbox Hub lists and says of what it was filled with, read by the official client and by plain HTTP."""

from collections import Counter

import httpx2
import pytest
from huggingface_hub.errors import BadRequestError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

from tests.sandbox import TOKEN, running_sandbox, small_catalogue


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_sandbox(small_catalogue(), tmp_path_factory.mktemp("store")) as sandbox:
        yield sandbox


@pytest.fixture
def catalogue(server):
    """What the server lists: 300 models, anew for each test."""
    catalogue = server.app.state.catalogue
    vars(catalogue).update(vars(small_catalogue(models=300)))
    return catalogue


@pytest.fixture
def hub(server, catalogue):
    server.app.state.requests.clear()
    return server


def pages(hub, **params) -> list[list[dict]]:
    """Every page of the models, by following the links."""
    found, url = [], str(httpx2.URL(f"{hub.url}/api/models", params=params))
    while url:
        answer = httpx2.get(url)
        assert answer.status_code == 200, answer.text
        found.append(answer.json())
        url = answer.links.get("next", {}).get("url")
    return found


@pytest.mark.parametrize("sort", ["created_at", "downloads"])
def test_twenty_thousand_models_are_listed_once_each(tmp_path, sort):
    catalogue = small_catalogue(models=20_000)
    with running_sandbox(catalogue, tmp_path) as hub:
        listed = [model.id for model in hub.api().list_models(sort=sort)]
        assert len([path for _, path in hub.requests if path.startswith("/api/models")]) == 20
    assert len(listed) == 20_000
    assert set(listed) == {row["id"] for row in catalogue.models}


@pytest.mark.parametrize("sort", ["createdAt", "lastModified", "downloads", "likes", "trendingScore"])
def test_orders_descend_and_ties_are_broken_by_id(hub, catalogue, sort):
    expected = sorted(catalogue.models, key=lambda row: (row[sort], row["_id"]), reverse=True)
    found = pages(hub, sort=sort, limit=77)
    assert [len(page) for page in found] == [77, 77, 77, 69]
    assert [row["_id"] for page in found for row in page] == [row["_id"] for row in expected]


def test_a_page_holds_a_thousand_at_most_and_the_last_has_no_link(tmp_path):
    with running_sandbox(small_catalogue(models=1000), tmp_path) as hub:
        answer = httpx2.get(f"{hub.url}/api/models?limit=5000")
        assert len(answer.json()) == 1000
        assert "link" not in answer.headers


def test_the_link_keeps_every_other_parameter(hub):
    query = "?limit=10&sort=createdAt&expand=tags&expand=author&filter=even"
    url = httpx2.URL(httpx2.get(f"{hub.url}/api/models{query}").links["next"]["url"])
    assert str(url).startswith(f"{hub.url}/api/models?")
    assert url.params.get_list("expand") == ["tags", "author"]
    assert (url.params["limit"], url.params["sort"], url.params["filter"]) == ("10", "createdAt", "even")


def test_rows_changed_between_two_crawls_are_served_as_they_are_now(hub, catalogue):
    before = {row["id"] for page in pages(hub, sort="createdAt", limit=100) for row in page}
    catalogue.models[5]["createdAt"] = "2030-01-01T00:00:00.000Z"
    removed = catalogue.models.pop(7)
    catalogue.models.append({"id": "new/model", "createdAt": None, "downloads": "many"})
    after = pages(hub, sort="createdAt", limit=100)
    assert after[0][0]["id"] == catalogue.models[5]["id"]
    assert {row["id"] for page in after for row in page} == before - {removed["id"]} | {"new/model"}
    assert after[-1][-1]["id"] == "new/model"


def test_rows_that_came_or_went_during_a_crawl_repeat_no_other(hub, catalogue):
    first = httpx2.get(f"{hub.url}/api/models?limit=100&sort=createdAt")
    seen = {row["id"] for row in first.json()}
    unseen = [row["id"] for row in catalogue.models if row["id"] not in seen]
    gone = {*list(seen)[:40], *unseen[:7]}
    catalogue.models[:] = [row for row in catalogue.models if row["id"] not in gone]
    catalogue.models.append({"_id": "f" * 24, "id": "late/model", "createdAt": "2000-01-01T00:00:00.000Z"})
    rest, url = [], first.links["next"]["url"]
    while url:
        answer = httpx2.get(url)
        rest += [row["id"] for row in answer.json()]
        url = answer.links.get("next", {}).get("url")
    assert sorted(rest) == sorted([*unseen[7:], "late/model"])


def test_rows_that_are_no_models_are_listed_like_the_others(hub, catalogue):
    catalogue.models.extend([None, "text", {"tags": 3, "likes": float("nan")}])
    for sort in ("likes", "createdAt"):
        found = [row for page in pages(hub, sort=sort, limit=50) for row in page]
        assert len(found) == 303
        assert None in found and "text" in found


def test_expand_returns_the_named_fields_and_the_ids(hub):
    row = httpx2.get(f"{hub.url}/api/models?limit=1&expand=downloads&expand=usedStorage").json()[0]
    assert set(row) == {"_id", "id", "downloads", "usedStorage"}
    row = httpx2.get(f"{hub.url}/api/models?limit=1&expand[]=downloads&expand[]=tags").json()[0]
    assert set(row) == {"_id", "id", "downloads", "tags"}
    plain = httpx2.get(f"{hub.url}/api/models?limit=1").json()[0]
    assert "usedStorage" not in plain and "likes" in plain
    assert "usedStorage" in httpx2.get(f"{hub.url}/api/models?limit=1&full=True").json()[0]
    model = next(iter(hub.api().list_models(expand=["author", "downloads"], limit=1)))
    assert model.author == model.id.partition("/")[0]
    assert model.likes is None


def test_author_filter_and_search(hub, catalogue):
    api = hub.api()
    listed = {model.id for model in api.list_models(author="Owner-3")}
    assert listed == {row["id"] for row in catalogue.models if row["author"] == "owner-3"}
    listed = {model.id for model in api.list_models(filter=["even", "text-generation"])}
    assert listed == {row["id"] for number, row in enumerate(catalogue.models) if number % 2 == 0}
    assert listed == {row["id"] for page in pages(hub, filter="even,text-generation", limit=7) for row in page}
    listed = {model.id for model in api.list_models(search="MODEL-29")}
    assert listed == {row["id"] for row in catalogue.models if "model-29" in row["id"]}
    assert list(api.list_models(filter="nothing")) == []


@pytest.mark.parametrize(
    "query",
    ["sort=size", "expand=password", "limit=0", "limit=ten", "cursor=x", "cursor=WzEsMl0=", "direction=1", "apps=x"],
)
def test_what_the_sandbox_does_not_know_is_refused(hub, query):
    answer = httpx2.get(f"{hub.url}/api/models?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_lists_are_compressed_if_asked(hub):
    compressed = httpx2.get(f"{hub.url}/api/models", headers={"Accept-Encoding": "gzip"})
    assert compressed.headers["content-encoding"] == "gzip"
    plain = httpx2.get(f"{hub.url}/api/models", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert compressed.json() == plain.json()
    assert int(compressed.headers["content-length"]) < len(plain.content) / 4


def test_one_repository_of_the_catalogue(hub, catalogue):
    catalogue.datasets.append({"id": "squad", "sha": "5" * 40, "downloads": 3, "tags": []})
    catalogue.spaces.append({"_id": "1" * 24, "id": "a/space", "sdk": "gradio", "tags": []})
    api, row = hub.api(), catalogue.models[3]
    model = api.model_info(row["id"], revision=row["sha"])
    assert (model.id, model.sha, model.downloads) == (row["id"], row["sha"], row["downloads"])
    assert api.dataset_info("squad").downloads == 3
    assert api.dataset_info("squad", revision="main").sha == "5" * 40
    assert api.space_info("a/space").sdk == "gradio"
    assert api.model_info(row["id"], expand=["likes"]).sha is None
    with pytest.raises(RevisionNotFoundError):
        api.model_info(row["id"], revision="v2")
    with pytest.raises(HfHubHTTPError) as error:
        api.upload_file(path_or_fileobj=b"x", path_in_repo="a.txt", repo_id=row["id"])
    assert error.value.response.status_code == 403


def test_a_renamed_repository_redirects_relatively(hub, catalogue):
    catalogue.renames["models", "old/name"] = catalogue.models[0]["id"]
    answer = httpx2.get(f"{hub.url}/api/models/old/name/revision/main?expand=likes")
    assert answer.status_code == 307
    assert answer.headers["location"] == f"/api/models/{catalogue.models[0]['id']}/revision/main?expand=likes"
    assert hub.api().model_info("old/name").id == catalogue.models[0]["id"]
    with pytest.raises(RepositoryNotFoundError):
        hub.api().dataset_info("old/name")


def test_organizations_whatever_the_case_of_the_name(hub):
    assert hub.api().get_organization_overview("QWEN").num_models == 3
    with pytest.raises(HfHubHTTPError) as error:
        hub.api().get_organization_overview("nobody")
    assert error.value.response.status_code == 404
    with pytest.raises(HfHubHTTPError):
        list(hub.api().list_organization_followers("Qwen"))


def test_daily_papers_by_day_and_page(hub, catalogue):
    assert [paper.id for paper in hub.api().list_daily_papers(date="2026-01-02")] == ["2601.00001"]
    assert list(hub.api().list_daily_papers(date="2026-01-03")) == []
    many = [{"paper": {"id": f"2601.{number:05}"}, "title": ""} for number in range(120)]
    catalogue.papers["2026-01-05"] = many

    def ids(query: str) -> list[str]:
        answer = httpx2.get(f"{hub.url}/api/daily_papers?date=2026-01-05{query}")
        assert "link" not in answer.headers
        return [item["paper"]["id"] for item in answer.json()]

    everything = [item["paper"]["id"] for item in many]
    assert ids("") == everything[:50]
    assert ids("&limit=100") + ids("&limit=100&p=1") == everything
    assert ids("&limit=100&p=2") == []
    for date in ("tomorrow", "2026-02-30", "20260105", "9999-01-01"):
        with pytest.raises(BadRequestError):
            list(hub.api().list_daily_papers(date=date))


def test_what_was_made_up_says_so(tmp_path, hub, catalogue):
    def labels(sandbox, path: str) -> tuple[str, str | None]:
        headers = httpx2.get(f"{sandbox.url}{path}").headers
        return headers["x-hubscape-sandbox"], headers.get("x-hubscape-synthetic")

    for path in ("/api/models", "/api/organizations/qwen/overview", "/nowhere", "/api/whoami-v2"):
        assert labels(hub, path) == (catalogue.label, "true")
    with running_sandbox(small_catalogue(models=3, label="recorded"), tmp_path / "recorded") as recorded:
        assert labels(recorded, "/api/models") == ("recorded", None)
        assert labels(recorded, "/api/organizations/qwen/overview") == ("recorded", "true")


def test_the_quota_counts_down_and_ends_in_429(tmp_path):
    with running_sandbox(small_catalogue(models=3), tmp_path, quota=5, window_seconds=600) as hub:
        answers = [httpx2.get(f"{hub.url}/api/models") for _ in range(6)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429]
        left = [answer.headers["ratelimit"].split(";t=")[0] for answer in answers]
        assert left == [f'"api";r={number}' for number in (4, 3, 2, 1, 0, 0)]
        assert answers[0].headers["ratelimit-policy"] == '"fixed window";"api";q=5;w=600'
        download = httpx2.get(f"{hub.url}/a/b/resolve/main/c")
        assert download.headers["ratelimit"].startswith('"resolvers";r=4;t=')
        with pytest.raises(HfHubHTTPError, match="reached your 'api' rate limit") as error:
            hub.api().model_info("owner-0/model-0")
        assert error.value.response.status_code == 429


def test_a_new_window_brings_a_new_quota(tmp_path):
    with running_sandbox(small_catalogue(models=3), tmp_path, quota=2, window_seconds=1) as hub:
        # The client waits for the window's end that the headers name, and then goes on.
        assert [len(list(hub.api().list_models())) for _ in range(3)] == [3, 3, 3]
        statuses = Counter(method for method, _ in hub.requests)
        assert statuses["GET"] >= 3


def test_requests_are_recorded_and_forgotten_on_demand(hub):
    httpx2.get(f"{hub.url}/api/models?limit=1")
    httpx2.get(f"{hub.url}/api/nothing")
    recorded = httpx2.get(f"{hub.url}/_sandbox/requests").json()
    assert recorded == [["GET", "/api/models?limit=1"], ["GET", "/api/nothing"]]
    assert hub.requests == [tuple(one) for one in recorded]
    httpx2.post(f"{hub.url}/_sandbox/requests/reset")
    assert httpx2.get(f"{hub.url}/_sandbox/requests").json() == []


def test_unknown_routes_are_json_too(hub):
    for path in ("/", "/api/nothing", "/api/models/a/b/nothing/c", "/spaces"):
        answer = httpx2.get(f"{hub.url}{path}", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 404
        assert answer.json()["error"]
