"""Publishing over real HTTP: one commit, compared, read back, tagged; and what happens when others interfere."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd
from starlette.types import ASGIApp, Receive, Scope, Send

from orchestration.ground.errors import HubscapeError
from orchestration.hub.client import transfers
from orchestration.hub.publication import publish
from orchestration.hub.session import HubError, HubUnauthorized
from tests.contracts.hostile_server import Reply, hostile_hub
from tests.sandbox import TOKEN, RunningSandbox, running_sandbox, small_catalogue

REPO = "somebody/observatory"


@pytest.fixture
def hub(tmp_path: Path):
    with running_sandbox(small_catalogue(), tmp_path / "hub") as running:
        yield running


@pytest.fixture
def release(tmp_path: Path) -> Path:
    folder = tmp_path / "release"
    (folder / "data" / "papers").mkdir(parents=True)
    (folder / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n# Card\n")
    (folder / "datapackage.json").write_text(json.dumps({"snapshot_date": "2026-01-02"}))
    (folder / "data" / "papers" / "papers.parquet").write_bytes(b"PAR1" + bytes(range(256)) * 8 + b"PAR1")
    return folder


def send(hub: RunningSandbox, folder: Path, *, date: str = "2026-01-02", token: str | None = TOKEN):
    files = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    return publish(
        files,
        repo_id=REPO,
        tag=f"snapshot-{date}",
        snapshot_date=date,
        endpoint=hub.url,
        token=token,
        work_dir=folder.parent / "work",
    )


def published(hub: RunningSandbox, revision: str, folder: Path) -> dict[str, bytes]:
    path = Path(hub.api().snapshot_download(REPO, repo_type="dataset", revision=revision, local_dir=folder))
    found = {p.relative_to(path).as_posix(): p.read_bytes() for p in path.rglob("*") if p.is_file()}
    return {name: content for name, content in found.items() if not name.startswith((".cache", ".gitattributes"))}


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def commits(hub: RunningSandbox) -> int:
    return len(hub.api().list_repo_commits(REPO, repo_type="dataset"))


def test_a_static_space_is_made_and_holds_exactly_the_files(hub, release, tmp_path):
    (release / "index.html").write_text("<!doctype html><title>Report</title>")
    files = {p.relative_to(release).as_posix(): p for p in release.rglob("*") if p.is_file()}
    told = {"repo_id": REPO, "tag": "snapshot-2026-01-02", "snapshot_date": "2026-01-02", "work_dir": tmp_path / "w"}
    sent = [publish(files, **told, endpoint=hub.url, token=TOKEN, kind="space") for _ in range(2)]

    assert [result.changed for result in sent] == [True, False]
    assert sent[0].url == f"{hub.url}/spaces/{REPO}"
    folder = Path(hub.api().snapshot_download(REPO, repo_type="space", revision=sent[0].tag, local_dir=tmp_path / "s"))
    assert (folder / "index.html").read_bytes() == (release / "index.html").read_bytes()
    assert not hub.api().repo_exists(REPO, repo_type="dataset")


def test_publishes_exactly_the_files_in_one_commit_and_tags_it(hub, release, tmp_path):
    hub.api().create_repo(REPO, repo_type="dataset")
    before = commits(hub)

    result = send(hub, release)

    assert result.changed
    assert commits(hub) == before + 1
    assert published(hub, "snapshot-2026-01-02", tmp_path / "a") == contents(release)
    assert hub.api().dataset_info(REPO).sha == result.commit
    assert not list((tmp_path / "work").iterdir()), "downloads for the comparison are left behind"


def test_the_same_files_again_make_no_commit(hub, release):
    first = send(hub, release)
    count = commits(hub)

    second = send(hub, release)

    assert (second.changed, second.commit, commits(hub)) == (False, first.commit, count)


def test_files_that_are_no_longer_released_are_deleted_in_the_same_commit(hub, release, tmp_path):
    send(hub, release)
    count = commits(hub)
    (release / "data" / "papers" / "papers.parquet").unlink()
    (release / "data" / "models.parquet").write_bytes(b"PAR1new" * 100)

    send(hub, release)

    assert commits(hub) == count + 1
    assert published(hub, "main", tmp_path / "a") == contents(release)


def test_the_tag_follows_the_day_that_was_made_again(hub, release, tmp_path):
    send(hub, release)
    (release / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n# Card, again\n")

    again = send(hub, release)

    tags = {ref.name: ref.target_commit for ref in hub.api().list_repo_refs(REPO, repo_type="dataset").tags}
    assert tags == {"snapshot-2026-01-02": again.commit}


def test_an_older_snapshot_never_replaces_a_newer_one(hub, release, tmp_path):
    send(hub, release)
    newest = contents(release)
    (release / "datapackage.json").write_text(json.dumps({"snapshot_date": "2025-12-31"}))

    with pytest.raises(HubscapeError, match="already holds snapshot 2026-01-02, newer than 2025-12-31"):
        send(hub, release, date="2025-12-31")

    assert published(hub, "main", tmp_path / "a") == newest


def test_a_repo_with_somebody_elses_files_is_left_alone(hub, release, tmp_path):
    hub.api().create_repo(REPO, repo_type="dataset")
    theirs = [CommitOperationAdd("README.md", b"# theirs"), CommitOperationAdd("data.csv", b"a,b")]
    hub.api().create_commit(REPO, theirs, commit_message="theirs", repo_type="dataset")

    with pytest.raises(HubscapeError, match=r"holds files that were not published from here, such as 'data\.csv'"):
        send(hub, release)

    assert published(hub, "main", tmp_path / "a") == {"README.md": b"# theirs", "data.csv": b"a,b"}


def test_a_next_link_to_another_host_gets_no_token(hub, release, tmp_path):
    with running_sandbox(small_catalogue(), tmp_path / "elsewhere") as elsewhere:
        hub.put_in_front(lambda inner: points_to(inner, "/tree/", f'<{elsewhere.url}/api/x>; rel="next"'))

        with pytest.raises(HubError, match="points to another host for a request with a token"):
            send(hub, release)

        assert elsewhere.requests == []


def points_to(inner: ASGIApp, part: str, link: str) -> ASGIApp:
    """The application with a `Link` of ours on each answer about a path that has `part` in it."""

    async def linking(scope: Scope, receive: Receive, send: Send) -> None:
        async def add(message: dict) -> None:
            if message["type"] == "http.response.start" and part in scope["path"]:
                message["headers"] = [*message["headers"], (b"link", link.encode())]
            await send(message)

        await inner(scope, receive, add)

    return linking


@pytest.mark.parametrize("token", [None, "hf_wrong"])
def test_without_the_right_token_nothing_is_written_and_no_token_is_told(hub, release, token):
    with pytest.raises(HubUnauthorized, match="set HF_TOKEN to a token that may write it") as caught:
        send(hub, release, token=token)

    assert "hf_" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_hub_that_is_down_is_one_sentence(release, tmp_path):
    with running_sandbox(small_catalogue(), tmp_path / "hub") as running:
        pass
    with pytest.raises(HubError, match=r"could not be reached while somebody/observatory was being published"):
        send(running, release)


def test_somebody_elses_commit_in_between_is_seen_and_overcome(hub, release, tmp_path):
    hub.api().create_repo(REPO, repo_type="dataset")
    rival = CommitOperationAdd("README.md", b"I was here first")
    interference = OnFirstCommit(
        hub, before=lambda: hub.api().create_commit(REPO, [rival], commit_message="rival", repo_type="dataset")
    )

    result = send(hub, release)

    assert interference.statuses == [412, 200]
    assert published(hub, result.commit, tmp_path / "a") == contents(release)


def test_a_commit_whose_answer_was_lost_is_found_and_not_made_twice(hub, release, tmp_path):
    hub.api().create_repo(REPO, repo_type="dataset")
    count = commits(hub)
    OnFirstCommit(hub, lose_answer=True)

    result = send(hub, release)

    assert commits(hub) == count + 1
    assert published(hub, result.tag, tmp_path / "a") == contents(release)


class OnFirstCommit:
    """Stands in front of the running server and interferes with the first commit that reaches it."""

    def __init__(self, hub: RunningSandbox, *, before: Callable[[], object] | None = None, lose_answer: bool = False):
        self.before, self.lose_answer = before, lose_answer
        self.statuses: list[int] = []
        self.seen = 0
        hub.put_in_front(self.stand_before)

    def stand_before(self, inner: ASGIApp) -> ASGIApp:
        self.inner = inner
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if "/commit/" not in scope.get("path", ""):
            return await self.inner(scope, receive, send)
        self.seen += 1
        mine = self.seen == 1
        if mine and self.before:
            before, self.before = self.before, None
            self.seen = 0
            await asyncio.to_thread(before)
            self.statuses.clear()

        async def note(message: dict) -> None:
            if message["type"] == "http.response.start":
                self.statuses.append(message["status"])
            if not (mine and self.lose_answer):
                await send(message)

        await self.inner(scope, receive, note)
        if mine and self.lose_answer:
            raise ConnectionResetError("the answer is lost on purpose")
        return None


@pytest.mark.parametrize(
    ("deed", "status"), [("published", 403), ("published", 500), ("fetched", 403), ("fetched", 422)]
)
def test_what_the_hub_says_with_a_refusal_is_told_but_nothing_of_another_host(deed, status):
    from huggingface_hub.utils import get_session, hf_raise_for_status

    body = {"error": f"Quota of <b>a/b</b> is used up, {TOKEN}"}
    with (
        hostile_hub(lambda _: Reply(body, status=status)) as hub,
        hostile_hub(lambda _: Reply({"error": "signature X-Amz-1"}, status=status)) as store,
    ):
        for host, said in ((hub, " (Quota of ?b?a/b?/b? is used up, (a token))"), (store, "")):
            with pytest.raises(HubError, match=f"HTTP {status}") as caught, transfers(hub.url, TOKEN, REPO, deed):
                hf_raise_for_status(get_session().get(f"{host.url}/api/datasets/{REPO}"))
            text = str(caught.value)
            assert said in text and TOKEN not in text and "X-Amz" not in text
