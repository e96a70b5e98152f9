"""The files of a bulk dump over real HTTP: the commit that stands for a day, and its bytes or none."""

import datetime as dt
import hashlib
import re

import pytest
from starlette.responses import PlainTextResponse

from orchestration.ground.errors import HubscapeError
from orchestration.hub import bulk
from orchestration.hub.bulk import (
    BulkCommit,
    commit_of_day,
    commits,
    commits_by_day,
    fetch_files,
    files_at,
    files_of_table,
    is_repo,
    local_files,
)
from orchestration.hub.session import HubError, HubSession, Limits
from tests.bulk import REPO, commit_files
from tests.sandbox import TOKEN, RunningSandbox, running_sandbox, small_catalogue


def at(day: int, hour: int = 12) -> dt.datetime:
    return dt.datetime(2026, 10, day, hour, tzinfo=dt.UTC)


@pytest.fixture
def hub(tmp_path):
    with running_sandbox(small_catalogue(), tmp_path / "hub") as running:
        yield running


def history(hub: RunningSandbox, *times: dt.datetime) -> list[BulkCommit]:
    """Commits made at these times, in this order, the newest last; each has a file of its own content."""
    made = [commit_files(hub.app.state.store, {"models.parquet": f"{n}".encode() * 5}, t) for n, t in enumerate(times)]
    return [BulkCommit(commit.sha, time) for commit, time in zip(made, times, strict=True)]


def session(hub: RunningSandbox) -> HubSession:
    return HubSession(hub.url, TOKEN)


def test_the_last_commit_of_each_day_stands_for_it_and_gaps_stay(hub):
    made = history(hub, at(1, 3), at(1, 20), at(3, 0), at(3, 23), at(6, 12))

    days = commits_by_day(commits(session(hub), REPO), dt.date(2026, 10, 1), dt.date(2026, 10, 5))

    assert days == {dt.date(2026, 10, 1): made[1], dt.date(2026, 10, 3): made[3]}
    assert list(days) == sorted(days)


def test_a_day_is_a_day_of_utc_whatever_zone_a_commit_tells(hub):
    east = dt.timezone(dt.timedelta(hours=9))
    history(hub, dt.datetime(2026, 10, 2, 3, tzinfo=east))
    assert list(commits_by_day(commits(session(hub), REPO), dt.date(2026, 10, 1), dt.date(2026, 10, 3))) == [
        dt.date(2026, 10, 1)
    ]


def test_today_is_stood_for_by_the_newest_commit_and_a_past_day_by_its_own_alone(hub):
    made = history(hub, at(1), at(3), at(5))
    found = list(commits(session(hub), REPO))

    def of(day: int, today: int) -> BulkCommit | None:
        return commit_of_day(found, dt.date(2026, 10, day), today=dt.date(2026, 10, today))

    assert (of(5, 9), of(3, 9), of(4, 9)) == (made[2], made[1], None)
    assert (of(6, 6), of(4, 4)) == (made[2], made[1])


def test_a_clock_that_was_wrong_hides_no_day():
    sha = "a" * 40
    found = [BulkCommit(sha, at(9)), BulkCommit("b" * 40, at(3)), BulkCommit("c" * 40, at(8)), BulkCommit(sha, at(1))]
    assert list(commits_by_day(found, dt.date(2026, 10, 8), dt.date(2026, 10, 9))) == [
        dt.date(2026, 10, 8),
        dt.date(2026, 10, 9),
    ]


def test_a_long_history_is_read_page_by_page_and_no_further_than_needed(hub, monkeypatch):
    made = history(hub, *(at(1) + dt.timedelta(days=n) for n in range(40)))
    monkeypatch.setattr(bulk, "_PAGE", 5)
    seen = list(commits(session(hub), REPO))
    assert seen[:40] == made[::-1]
    assert len([1 for _, path in hub.requests if "/commits/" in path]) == 9

    before = len(hub.requests)
    commits_by_day(commits(session(hub), REPO), dt.date(2026, 11, 8), dt.date(2026, 11, 9))
    assert len(hub.requests) - before <= 3


@pytest.mark.parametrize(
    "row", [None, {"id": "x" * 40, "date": "2026-10-01"}, {"id": "a" * 40}, {"id": "a" * 40, "date": "soon"}]
)
def test_a_history_that_is_none_is_one_sentence(hub, row):
    from orchestration.sandbox.answers import Json

    hub.put_in_front(lambda app: answering(app, "/commits/", lambda: Json([row])))
    with pytest.raises(HubError, match="cannot be read: check HF_ENDPOINT"):
        list(commits(session(hub), REPO))


def answering(app, part: str, answer, times: int = 1_000_000):
    """An application that gives `answer()` to the first requests whose path has `part`."""
    left = [times]

    async def wrapped(scope, receive, send):
        if scope["type"] == "http" and part in scope["path"] and left[0] > 0:
            left[0] -= 1
            return await answer()(scope, receive, send)
        return await app(scope, receive, send)

    return wrapped


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        (["models.parquet", "models/0.parquet"], ["models.parquet"]),
        (["models-00001-of-00002.parquet", "models-00000-of-00002.parquet"],
         ["models-00000-of-00002.parquet", "models-00001-of-00002.parquet"]),
        (["models/b.parquet", "models/a.parquet", "models/c.txt"], ["models/a.parquet", "models/b.parquet"]),
        (["data/models-0.parquet", "data/models-1.parquet"], ["data/models-0.parquet", "data/models-1.parquet"]),
        (["data/models.parquet"], ["data/models.parquet"]),
        (["my-models.parquet", "models.json", "models/../x.parquet", "old/models.parquet", "models_old.parquet"], []),
    ],
)  # fmt: skip
def test_which_files_make_a_table(paths, found):
    assert files_of_table(paths, "models") == found


def test_a_folder_of_this_machine(tmp_path, monkeypatch):
    (tmp_path / "dump" / "models").mkdir(parents=True)
    (tmp_path / "dump" / "models" / "0.parquet").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    assert local_files(tmp_path / "dump", "models") == [tmp_path / "dump" / "models" / "0.parquet"]
    assert local_files(tmp_path / "dump", "spaces") == []
    with pytest.raises(HubscapeError, match="There is no folder"):
        local_files(tmp_path / "elsewhere", "models")
    (tmp_path / "a[b]").mkdir()
    with pytest.raises(HubscapeError, match="rename the folder"):
        local_files(tmp_path / "a[b]", "models")
    assert is_repo("owner/name") and not is_repo("/tmp") and not is_repo("./dump")
    (tmp_path / "owner" / "name").mkdir(parents=True)
    assert not is_repo("owner/name")


CONTENT = bytes(range(256)) * 9000


def fetched(hub: RunningSandbox, folder, *, said=None, content: bytes = CONTENT):
    commit = commit_files(hub.app.state.store, {"models.parquet": content, "README.md": b"r"}, at(2))
    pinned = BulkCommit(commit.sha, at(2))
    commit_files(hub.app.state.store, {"models.parquet": b"newer"}, at(3))
    files, synthetic = files_at(session(hub), REPO, pinned)
    assert synthetic
    return fetch_files(
        REPO,
        pinned,
        [file for file in files if file.path == "models.parquet"],
        endpoint=hub.url,
        token=TOKEN,
        folder=folder,
        say=(said if said is not None else []).append,
    )


def test_a_file_is_the_commit_s_and_a_lie_on_disk_is_not_taken_for_it(hub, tmp_path):
    folder = tmp_path / "files"
    (path,) = fetched(hub, folder)
    assert path.read_bytes() == CONTENT

    path.write_bytes(CONTENT[::-1])
    (path,) = fetched(hub, folder)
    assert path.read_bytes() == CONTENT
    before = len(hub.requests)
    fetched(hub, folder)
    assert not [p for _, p in hub.requests[before:] if "/resolve/" in p], (
        "what is there, verified, is not fetched again"
    )


def test_a_cut_download_is_gone_on_with(hub, tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "00000.part").write_bytes(CONTENT[:1_000_000])
    asked = []
    hub.put_in_front(lambda app: listening(app, asked))
    (path,) = fetched(hub, folder)
    assert path.read_bytes() == CONTENT
    assert asked == ["bytes=1000000-"]


def listening(app, asked: list[str]):
    async def wrapped(scope, receive, send):
        if scope["type"] == "http" and "/resolve/" in scope["path"]:
            asked.extend(value.decode() for name, value in scope["headers"] if name == b"range")
        return await app(scope, receive, send)

    return wrapped


def test_a_rotten_beginning_is_thrown_away_and_told_of(hub, tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "00000.part").write_bytes(b"rotten" * 1000)
    with pytest.raises(HubError, match="other bytes than the commit has: run again"):
        fetched(hub, folder)
    (path,) = fetched(hub, folder)
    assert path.read_bytes() == CONTENT


def test_a_used_up_quota_is_waited_out(hub, tmp_path):
    headers = {"RateLimit": '"resolvers";r=0;t=1'}
    hub.put_in_front(lambda app: answering(app, "/resolve/", lambda: PlainTextResponse("", 429, headers), times=2))
    said: list[str] = []
    (path,) = fetched(hub, tmp_path / "files", said=said)
    assert path.read_bytes() == CONTENT
    assert said == ["waiting 2 s, as the Hub asks of those who have used up their requests"] * 2


def test_a_used_up_quota_of_the_api_is_waited_out_too(hub):
    history(hub, at(1))
    headers = {"RateLimit": '"api";r=0;t=0'}
    hub.put_in_front(lambda app: answering(app, "/commits/", lambda: PlainTextResponse("", 429, headers), times=2))
    assert len(list(commits(session(hub), REPO))) == 2


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda: PlainTextResponse("login", 403), "refused with status 403"),
        (lambda: PlainTextResponse("x" * 3_000_000), "more bytes than the commit has"),
        (lambda: PlainTextResponse("", 302, {"location": "http://127.0.0.1:9/x"}), "failed"),
    ],
)
def test_a_hub_that_sends_something_else_is_one_sentence(hub, tmp_path, monkeypatch, answer, said):
    monkeypatch.setattr(bulk.time, "sleep", lambda _: None)
    hub.put_in_front(lambda app: answering(app, "/resolve/", answer))
    with pytest.raises(HubError, match=said) as failure:
        fetched(hub, tmp_path / "files")
    assert TOKEN not in str(failure.value) and re.fullmatch(r"[^\n]+\.", str(failure.value))


def test_a_small_file_that_is_no_lfs_object_is_verified_by_its_git_hash(hub, tmp_path):
    store = hub.app.state.store
    commit = commit_files(store, {"models.parquet": b"large"}, at(2))
    from orchestration.sandbox.store import Operation

    repo = store.repo("datasets", REPO)
    commit = store.commit(repo, "main", [Operation("file", "models.parquet", b"small")], title="t", at=at(3))
    pinned = BulkCommit(commit.sha, at(3))
    files, _ = files_at(session(hub), REPO, pinned)
    (file,) = [file for file in files if file.path == "models.parquet"]
    assert file.sha256 is None
    assert file.git_oid == hashlib.sha1(b"blob 5\0small").hexdigest()
    (path,) = fetch_files(REPO, pinned, [file], endpoint=hub.url, token=TOKEN, folder=tmp_path, say=print)
    assert path.read_bytes() == b"small"


def test_a_repo_that_is_not_there_is_one_sentence(hub):
    with pytest.raises(HubError, match="/api/datasets/somebody/nothing/commits/main"):
        list(commits(HubSession(hub.url, TOKEN, limits=Limits(max_retries=0)), "somebody/nothing"))
