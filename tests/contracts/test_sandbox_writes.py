"""What the sandbox Hub does with writes no official client would send, and what stands after it was killed."""

import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import CommitOperationAdd
from huggingface_hub.errors import HfHubHTTPError

from orchestration.sandbox.store import StoreLocked
from tests.sandbox import TOKEN, RunningSandbox, running_sandbox, small_catalogue
from tests.support import PATIENCE, PROJECT

REPO = "observatory/snapshots"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
API = f"/api/datasets/{REPO}"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_sandbox(small_catalogue(), tmp_path_factory.mktemp("store")) as sandbox:
        yield sandbox


@pytest.fixture
def hub(server):
    """A Hub where the repository was just made."""
    server.api().delete_repo(REPO, repo_type="dataset", missing_ok=True)
    server.api().create_repo(REPO, repo_type="dataset")
    return server


def post(hub, path: str, body) -> httpx2.Response:
    return httpx2.post(hub.url + path, json=body, headers=HEADERS)


def send_commit(hub, *lines, header=None) -> httpx2.Response:
    items = [{"key": "header", "value": header or {"summary": "s"}}, *lines]
    body = "\n".join(json.dumps(item) for item in items)
    return httpx2.post(f"{hub.url}{API}/commit/main", content=body, headers=HEADERS)


def regular(path: str, content: bytes = b"x") -> dict:
    return {"key": "file", "value": {"path": path, "content": base64.b64encode(content).decode(), "encoding": "base64"}}


def head(hub) -> str:
    return hub.api().dataset_info(REPO).sha


@pytest.mark.parametrize(
    "path",
    [
        "../escape",
        "a/../../escape",
        "/etc/passwd",
        "a//b",
        ".",
        "",
        ".git/config",
        "a/.git/hooks/x",
        "a\\b",
        "a\nb",
        "a\0b",
    ],
)
def test_paths_that_leave_the_repository_are_refused(hub, path):
    folder = hub.app.state.store.root.parent
    before, everything = head(hub), set(folder.rglob("*"))
    assert send_commit(hub, regular("fine.txt"), regular(path)).status_code == 400
    assert head(hub) == before
    escaped = set(folder.rglob("*")) - everything
    assert all("blobs" in found.parts for found in escaped)


@pytest.mark.parametrize("name", ["../../etc", "a b", "", "x" * 97, "a--b", ".hidden", "a/b"])
def test_names_no_repository_can_have_are_refused(hub, name):
    answer = post(hub, "/api/repos/create", {"name": name, "organization": "o", "type": "dataset"})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "line",
    [
        {"key": "lfsFile", "value": {"path": "a.bin", "algo": "sha256", "oid": "0" * 64, "size": 3}},
        {"key": "lfsFile", "value": {"path": "a.bin", "algo": "sha256", "oid": "../../../etc/passwd", "size": 3}},
        {"key": "file", "value": {"path": "a.txt", "content": "no base64!", "encoding": "base64"}},
        {"key": "format-disk", "value": {"path": "a.txt"}},
        {"key": "file", "value": {"path": 7, "content": "x"}},
        {"key": "file", "value": "text"},
        ["no object"],
    ],
)
def test_operations_that_cannot_be_done_are_refused_whole(hub, line):
    before = head(hub)
    assert send_commit(hub, regular("fine.txt"), line).status_code == 400
    assert head(hub) == before


@pytest.mark.parametrize("header", [{"summary": ""}, {"summary": 3}, {"summary": "s", "parentCommit": "main"}])
def test_a_commit_needs_a_summary_and_a_full_parent(hub, header):
    assert send_commit(hub, regular("a.txt"), header=header).status_code == 400


def test_bodies_that_are_no_commits_are_refused(hub):
    for body in (b"", b"{", b"[]\n", b'{"key": "file"}\n', b"\xff\xfe"):
        answer = httpx2.post(f"{hub.url}{API}/commit/main", content=body, headers=HEADERS)
        assert answer.status_code == 400, body
    answer = httpx2.post(f"{hub.url}{API}/commit/main", content=b"x" * (65 << 20), headers=HEADERS)
    assert answer.status_code == 413


def uploads(hub, content: bytes) -> dict:
    oid = hashlib.sha256(content).hexdigest()
    batch = {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": oid, "size": len(content)}]}
    answer = post(hub, f"/datasets/{REPO}.git/info/lfs/objects/batch", batch)
    assert answer.json()["transfer"] == "basic"
    return answer.json()["objects"][0]


def test_large_files_are_kept_only_if_they_are_what_was_announced(hub):
    content = b"the real content"
    action = uploads(hub, content)["actions"]["upload"]["href"]
    assert httpx2.put(action, content=b"forged content!!").status_code == 400
    assert httpx2.put(action, content=content[:-1]).status_code == 400
    assert httpx2.put(action, content=content + b"!").status_code == 400
    assert httpx2.put(action.replace("signature=", "signature=0"), content=content).status_code == 403
    verify = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content)}
    assert post(hub, f"/datasets/{REPO}.git/info/lfs/verify", verify).status_code == 404
    assert httpx2.put(action, content=content).status_code == 200
    assert post(hub, f"/datasets/{REPO}.git/info/lfs/verify", verify).status_code == 200
    assert "actions" not in uploads(hub, content), "what is stored need not be sent again"


def test_files_beyond_the_cap_are_refused_before_they_are_sent(hub):
    batch = {"objects": [{"oid": "1" * 64, "size": 3 << 30}]}
    answer = post(hub, f"/datasets/{REPO}.git/info/lfs/objects/batch", batch).json()["objects"][0]
    assert answer["error"]["code"] == 413
    assert "actions" not in answer


def test_downloads_have_ranges_lengths_and_hashes(hub):
    api = hub.api()
    content = os.urandom(5000)
    sha = api.upload_file(path_or_fileobj=content, path_in_repo="a.bin", repo_id=REPO, repo_type="dataset").oid
    url = f"{hub.url}/datasets/{REPO}/resolve/main/a.bin"
    probe = httpx2.head(url)
    assert (probe.content, probe.headers["content-length"]) == (b"", "5000")
    assert probe.headers["x-repo-commit"] == sha
    assert probe.headers["etag"] == probe.headers["x-linked-etag"] == f'"{hashlib.sha256(content).hexdigest()}"'
    assert probe.headers["x-linked-size"] == "5000"
    part = httpx2.get(url, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, content[100:200])
    assert part.headers["content-range"] == "bytes 100-199/5000"
    assert httpx2.get(url, headers={"Range": "bytes=-7"}).content == content[-7:]
    assert httpx2.get(url, headers={"Range": "bytes=6000-"}).status_code == 416
    assert "x-linked-size" not in httpx2.head(f"{hub.url}/datasets/{REPO}/resolve/main/.gitattributes").headers
    missing = httpx2.get(f"{hub.url}/datasets/{REPO}/resolve/main/b.bin")
    assert (missing.status_code, missing.headers["x-error-code"]) == (404, "EntryNotFound")
    missing = httpx2.get(f"{hub.url}/datasets/{REPO}/resolve/v9/a.bin")
    assert (missing.status_code, missing.headers["x-error-code"]) == (404, "RevisionNotFound")
    missing = httpx2.get(f"{hub.url}/datasets/no/body/resolve/main/a.bin")
    assert (missing.status_code, missing.headers["x-error-code"]) == (401, "RepoNotFound")


def test_of_two_commits_on_one_parent_one_wins(hub):
    parent, answers = head(hub), []

    def write(number: int) -> None:
        header = {"summary": "race", "parentCommit": parent}
        answers.append(send_commit(hub, regular("a.txt", b"%d" % number), header=header).status_code)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] + [412] * 7
    assert len(hub.api().list_repo_commits(REPO, repo_type="dataset")) == 2


def test_a_listing_begun_before_a_push_ends_as_it_began(hub):
    assert send_commit(hub, *(regular(f"f{number}.txt") for number in range(20))).status_code == 200
    first = httpx2.get(f"{hub.url}{API}/tree/main?limit=10")
    assert send_commit(hub, regular("f05.txt")).status_code == 200
    second = httpx2.get(first.links["next"]["url"])
    third = httpx2.get(second.links["next"]["url"])
    paths = [entry["path"] for page in (first, second, third) for entry in page.json()]
    assert sorted(paths) == sorted([".gitattributes", *(f"f{number}.txt" for number in range(20))])
    assert "link" not in third.headers


def test_a_store_serves_one_server_at_a_time(hub):
    with (
        pytest.raises(StoreLocked, match="Another sandbox Hub already serves"),
        running_sandbox(small_catalogue(), hub.app.state.store.root),
    ):
        pass


def test_what_was_committed_is_there_after_a_restart(tmp_path):
    with running_sandbox(small_catalogue(), tmp_path / "store") as hub:
        api = hub.api()
        api.create_repo(REPO, repo_type="dataset")
        sha = api.upload_file(path_or_fileobj=b"1" * 99, path_in_repo="a.bin", repo_id=REPO, repo_type="dataset").oid
        api.create_tag(REPO, tag="v1", repo_type="dataset")
    with running_sandbox(small_catalogue(), tmp_path / "store") as hub:
        api = hub.api()
        assert api.dataset_info(REPO, revision="v1").sha == sha
        path = api.hf_hub_download(REPO, "a.bin", repo_type="dataset", cache_dir=tmp_path / "cache")
        assert Path(path).read_bytes() == b"1" * 99


SERVER = """
import sys
from pathlib import Path
from orchestration.sandbox.server import create_app, serve
from tests.sandbox import small_catalogue
serve(create_app(small_catalogue(), Path(sys.argv[1])), port=int(sys.argv[2]))
"""


def start_server(store: Path, port: int = 0) -> tuple[subprocess.Popen, RunningSandbox]:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(store), str(port)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    line = process.stdout.readline()
    assert line.startswith("Sandbox Hub: http://127.0.0.1:"), line
    return process, RunningSandbox(line.split()[-1], None)


def test_a_kill_between_upload_and_commit_leaves_the_commit_before(tmp_path):
    store = tmp_path / "store"
    process, hub = start_server(store)
    try:
        api = hub.api()
        api.create_repo(REPO, repo_type="dataset")
        before = api.upload_file(path_or_fileobj=b"1", path_in_repo="a.bin", repo_id=REPO, repo_type="dataset").oid
        uploaded = CommitOperationAdd("a.bin", b"2" * 1000)
        api.preupload_lfs_files(REPO, [uploaded], repo_type="dataset")
    finally:
        process.kill()
        process.wait(timeout=PATIENCE)
    orphan = hashlib.sha256(b"2" * 1000).hexdigest()
    assert list(store.rglob(orphan)), "the kill came after the upload"

    process, hub = start_server(store)
    try:
        api = hub.api()
        assert api.dataset_info(REPO).sha == before
        assert not list(store.rglob(orphan))
        with pytest.raises(HfHubHTTPError) as error:
            api.create_commit(REPO, [uploaded], commit_message="late", repo_type="dataset", parent_commit=before)
        assert error.value.response.status_code == 400
        again = CommitOperationAdd("a.bin", b"2" * 1000)
        after = api.create_commit(REPO, [again], commit_message="again", repo_type="dataset", parent_commit=before)
        path = api.hf_hub_download(REPO, "a.bin", repo_type="dataset", revision=after.oid, cache_dir=tmp_path / "cache")
        assert Path(path).read_bytes() == b"2" * 1000
    finally:
        process.kill()
        process.wait(timeout=PATIENCE)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_server_says_where_it_is_and_stops_on_a_signal(tmp_path, how):
    process, hub = start_server(tmp_path / "store")
    try:
        assert httpx2.get(f"{hub.url}/api/models").status_code == 200
        port = int(hub.url.rpartition(":")[2])
        taken = subprocess.run(
            [sys.executable, "-c", SERVER, str(tmp_path / "other"), str(port)],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert taken.returncode == 1
        assert "OSError" in taken.stderr and "Address already in use" in taken.stderr
        process.send_signal(how)
        assert process.wait(timeout=PATIENCE) == 0
        assert process.stdout.read() == ""
    finally:
        process.kill()
        process.wait(timeout=PATIENCE)
