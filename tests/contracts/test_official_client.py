"""The unmodified huggingface_hub client against the sandbox Hub: repositories, commits, files, the file system."""

import hashlib
import io
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete, HfFileSystem
from huggingface_hub.errors import (
    BadRequestError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from orchestration.sandbox.store import git_oid
from tests.sandbox import TOKEN, running_sandbox, small_catalogue
from tests.support import PATIENCE

REPO = "observatory/snapshots"
CARD = b"---\nlicense: cc-by-4.0\ntags: [hub]\n---\n# Snapshots\n"
LARGE = bytes(range(256)) * 4096


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with running_sandbox(small_catalogue(), tmp_path_factory.mktemp("store")) as sandbox:
        yield sandbox


@pytest.fixture
def api(hub):
    """The client of a Hub where the repository was just made."""
    api = hub.api()
    api.delete_repo(REPO, repo_type="dataset", missing_ok=True)
    api.create_repo(REPO, repo_type="dataset")
    return api


def commit(api, files: dict[str, bytes], *, delete: tuple[str, ...] = (), parent: str | None = None, **options):
    operations = [CommitOperationAdd(path, content) for path, content in files.items()]
    operations += [CommitOperationDelete(path) for path in delete]
    options = {"commit_message": "a snapshot", "parent_commit": parent, "repo_type": "dataset", **options}
    return api.create_commit(REPO, operations, **options)


def files(api, revision: str | None = None) -> list[str]:
    return sorted(set(api.list_repo_files(REPO, repo_type="dataset", revision=revision)) - {".gitattributes"})


def content(api, path: str, folder: Path, revision: str = "main") -> bytes:
    local = api.hf_hub_download(REPO, path, repo_type="dataset", revision=revision, cache_dir=folder)
    return Path(local).read_bytes()


def status(error) -> int:
    return error.value.response.status_code


def test_a_repository_can_be_created_once(hub, api):
    with pytest.raises(HfHubHTTPError) as error:
        api.create_repo(REPO, repo_type="dataset")
    assert status(error) == 409
    url = api.create_repo(REPO, repo_type="dataset", exist_ok=True)
    assert (str(url), url.repo_id, url.repo_type) == (f"{hub.url}/datasets/{REPO}", REPO, "dataset")
    assert api.create_repo("alone").repo_id == "sandbox/alone"
    api.delete_repo(REPO, repo_type="dataset")
    with pytest.raises(RepositoryNotFoundError):
        api.dataset_info(REPO)


def test_regular_and_large_files_arrive_and_are_deleted(api, tmp_path):
    first = commit(api, {"README.md": CARD, "data/a.parquet": LARGE, "data/b.csv": b"x\n1\n", "empty.txt": b""})
    assert files(api) == ["README.md", "data/a.parquet", "data/b.csv", "empty.txt"]
    assert content(api, "data/a.parquet", tmp_path) == LARGE
    assert content(api, "README.md", tmp_path) == CARD
    assert content(api, "empty.txt", tmp_path) == b""

    second = commit(api, {"data/a.parquet": LARGE + b"more"}, delete=("data/b.csv",), parent=first.oid)
    assert files(api) == ["README.md", "data/a.parquet", "empty.txt"]
    assert content(api, "data/a.parquet", tmp_path) == LARGE + b"more"
    assert content(api, "data/a.parquet", tmp_path, first.oid) == LARGE
    assert [one.commit_id for one in api.list_repo_commits(REPO, repo_type="dataset")][:2] == [second.oid, first.oid]

    commit(api, {}, delete=("data/",))
    assert files(api) == ["README.md", "empty.txt"]
    with pytest.raises(RemoteEntryNotFoundError):
        commit(api, {}, delete=("data/",))
    with pytest.raises(RemoteEntryNotFoundError):
        commit(api, {}, delete=("never.txt",))


def test_unchanged_files_make_no_commit_and_are_not_sent_again(hub, api):
    first = commit(api, {"README.md": CARD, "a.parquet": LARGE})
    before = len(hub.requests)
    again = commit(api, {"README.md": CARD, "a.parquet": LARGE})
    assert again.oid == first.oid
    sent = hub.requests[before:]
    assert not [path for method, path in sent if method == "PUT" or "/commit/" in path]

    changed = commit(api, {"README.md": CARD + b"!", "a.parquet": LARGE})
    assert changed.oid != first.oid
    assert not [path for method, path in hub.requests[before:] if method == "PUT"]


def test_a_commit_of_what_is_already_there_leaves_the_head(hub, api):
    head = commit(api, {"a.txt": b"same"}).oid
    # The client drops unchanged files by itself, but not what another writer commits after it asked.
    one, other = CommitOperationAdd("b.txt", b"new"), CommitOperationAdd("b.txt", b"new")
    for operation in (one, other):
        api.preupload_lfs_files(REPO, [operation], repo_type="dataset")
    made = api.create_commit(REPO, [one], commit_message="one", repo_type="dataset").oid
    assert made != head
    assert api.create_commit(REPO, [other], commit_message="other", repo_type="dataset").oid == made


def test_a_stale_parent_is_refused_and_changes_nothing(api):
    first = commit(api, {"a.txt": b"1"})
    second = commit(api, {"a.txt": b"2"}, parent=first.oid)
    with pytest.raises(HfHubHTTPError) as error:
        commit(api, {"a.txt": b"3", "b.txt": b"3"}, parent=first.oid)
    assert status(error) == 412
    assert api.dataset_info(REPO).sha == second.oid
    assert files(api) == ["a.txt"]


def test_a_card_that_is_no_yaml_is_refused_before_anything_is_sent(api):
    with pytest.raises(ValueError, match="Invalid metadata"):
        commit(api, {"README.md": b"---\ntags: [x\n---\n", "a.txt": b"1"})
    assert files(api) == []
    with pytest.warns(UserWarning, match="empty or missing yaml metadata"):
        commit(api, {"README.md": b"no metadata"})


def test_upload_folder_is_one_commit(api, tmp_path):
    folder = tmp_path / "release"
    (folder / "data" / "papers").mkdir(parents=True)
    (folder / "README.md").write_bytes(CARD)
    (folder / "data" / "papers" / "part-0.parquet").write_bytes(LARGE)
    made = api.upload_folder(repo_id=REPO, repo_type="dataset", folder_path=folder, path_in_repo="2026")
    assert files(api) == ["2026/README.md", "2026/data/papers/part-0.parquet"]
    assert api.list_repo_commits(REPO, repo_type="dataset")[0].commit_id == made.oid
    assert len(api.list_repo_commits(REPO, repo_type="dataset")) == 2

    (folder / "extra.txt").write_text("x")
    api.upload_folder(
        repo_id=REPO, repo_type="dataset", folder_path=folder, path_in_repo="2026", delete_patterns="*.md"
    )
    assert "2026/README.md" in files(api), "a file that is uploaded again is not deleted"


def test_a_file_object_and_a_copy(api, tmp_path):
    api.upload_file(path_or_fileobj=io.BytesIO(LARGE), path_in_repo="a.bin", repo_id=REPO, repo_type="dataset")
    commit(api, {"a.txt": b"text"})
    copies = [CommitOperationCopy("a.bin", "copy/b.bin"), CommitOperationCopy("a.txt", "copy/b.txt")]
    api.create_commit(REPO, copies, commit_message="copies", repo_type="dataset")
    assert content(api, "copy/b.bin", tmp_path) == LARGE
    assert content(api, "copy/b.txt", tmp_path) == b"text"


def test_the_tree_is_paged_without_a_gap(hub, api):
    paths = {f"data/part-{number:04}.txt": b"%d" % (number % 5) for number in range(1200)}
    commit(api, {**paths, "top.txt": b"x"})
    before = len(hub.requests)
    listed = list(api.list_repo_tree(REPO, recursive=True, repo_type="dataset"))
    assert sorted(entry.path for entry in listed) == sorted([*paths, "data", "top.txt", ".gitattributes"])
    assert len([path for _, path in hub.requests[before:] if "/tree/" in path]) == 2
    assert sorted(entry.path for entry in api.list_repo_tree(REPO, repo_type="dataset")) == [
        ".gitattributes",
        "data",
        "top.txt",
    ]
    assert len(list(api.list_repo_tree(REPO, "data", repo_type="dataset"))) == 1200
    with pytest.raises(RemoteEntryNotFoundError):
        list(api.list_repo_tree(REPO, "nowhere", repo_type="dataset"))


def test_hashes_sizes_and_last_commits_of_files(api):
    first = commit(api, {"data/a.parquet": LARGE, "a.txt": b"hello\n"}, commit_message="first")
    second = commit(api, {"b.txt": b"x"}, commit_message="second")
    info = {
        one.path: one
        for one in api.get_paths_info(REPO, ["a.txt", "data", "data/a.parquet", "no"], repo_type="dataset")
    }
    assert set(info) == {"a.txt", "data", "data/a.parquet"}
    # `printf 'hello\n' | git hash-object --stdin`
    assert info["a.txt"].blob_id == "ce013625030ba8dba906f756967f9e9ca394464a"
    assert info["data/a.parquet"].lfs.sha256 == hashlib.sha256(LARGE).hexdigest()
    assert info["data/a.parquet"].size == len(LARGE)

    tree = {one.path: one for one in api.list_repo_tree(REPO, recursive=True, expand=True, repo_type="dataset")}
    last = {path: (one.last_commit.oid, one.last_commit.title) for path, one in tree.items()}
    assert last["data"] == last["a.txt"] == (first.oid, "first")
    assert last["b.txt"] == (second.oid, "second")

    siblings = {one.rfilename: one for one in api.dataset_info(REPO, files_metadata=True).siblings}
    assert siblings["data/a.parquet"].lfs.sha256 == hashlib.sha256(LARGE).hexdigest()
    assert siblings["a.txt"].size == 6
    assert [one.rfilename for one in api.dataset_info(REPO, revision=first.oid).siblings] == [
        ".gitattributes",
        "a.txt",
        "data/a.parquet",
    ]


def test_tags_branches_and_refs(api, tmp_path):
    first = commit(api, {"a.txt": b"1"})
    api.create_tag(REPO, tag="snapshot-2026-01-02", repo_type="dataset")
    second = commit(api, {"a.txt": b"2"})
    with pytest.raises(HfHubHTTPError) as error:
        api.create_tag(REPO, tag="snapshot-2026-01-02", repo_type="dataset")
    assert status(error) == 409
    api.create_tag(REPO, tag="snapshot-2026-01-02", repo_type="dataset", exist_ok=True)

    refs = api.list_repo_refs(REPO, repo_type="dataset")
    assert {(one.name, one.ref, one.target_commit) for one in refs.tags} == {
        ("snapshot-2026-01-02", "refs/tags/snapshot-2026-01-02", first.oid)
    }
    assert {one.name: one.target_commit for one in refs.branches} == {"main": second.oid}
    assert content(api, "a.txt", tmp_path, "snapshot-2026-01-02") == b"1"
    assert api.dataset_info(REPO, revision="snapshot-2026-01-02").sha == first.oid

    api.create_branch(REPO, branch="feature/x", revision=first.oid, repo_type="dataset")
    commit(api, {"b.txt": b"on a branch"}, revision="feature/x")
    assert files(api) == ["a.txt"]
    assert files(api, "feature/x") == ["a.txt", "b.txt"]
    api.delete_branch(REPO, branch="feature/x", repo_type="dataset")
    api.delete_tag(REPO, tag="snapshot-2026-01-02", repo_type="dataset")
    for gone in ("feature/x", "snapshot-2026-01-02", "0" * 40):
        with pytest.raises(RevisionNotFoundError):
            api.dataset_info(REPO, revision=gone)


def test_snapshot_download_at_a_pinned_commit_and_a_tag(api, tmp_path):
    first = commit(api, {"README.md": CARD, "data/a.parquet": LARGE})
    api.create_tag(REPO, tag="v1", repo_type="dataset")
    commit(api, {"data/b.parquet": LARGE[::-1]}, delete=("data/a.parquet",))
    for number, revision in enumerate((first.oid, "v1")):
        folder = Path(
            api.snapshot_download(REPO, repo_type="dataset", revision=revision, cache_dir=tmp_path / str(number))
        )
        assert folder.name == first.oid
        assert (folder / "data" / "a.parquet").read_bytes() == LARGE
        assert not (folder / "data" / "b.parquet").exists()
    local = api.snapshot_download(REPO, repo_type="dataset", local_dir=tmp_path / "out", allow_patterns="data/*")
    assert sorted(path.name for path in Path(local).glob("**/*.parquet")) == ["b.parquet"]


def test_the_file_system_globs_and_reads_ranges(hub, api):
    table = pa.table({"id": list(range(10_000)), "name": [f"model-{number}" for number in range(10_000)]})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=1000)
    commit(
        api, {"data/models/a.parquet": buffer.getvalue(), "data/papers/b.parquet": buffer.getvalue(), "c.txt": b"012"}
    )
    system = HfFileSystem(endpoint=hub.url, token=TOKEN, skip_instance_cache=True)
    root = f"datasets/{REPO}"
    assert system.glob(f"{root}/data/**/*.parquet") == [
        f"{root}/data/models/a.parquet",
        f"{root}/data/papers/b.parquet",
    ]
    assert system.exists(f"{root}/c.txt")
    assert not system.exists(f"{root}/d.txt")
    with system.open(f"{root}/data/models/a.parquet", block_size=512) as file:
        file.seek(100)
        assert file.read(50) == buffer.getvalue()[100:150]
        file.seek(-4, io.SEEK_END)
        assert file.read() == b"PAR1"
    read = pq.read_table(f"{root}/data/models/a.parquet", filesystem=system, columns=["name"], filters=[("id", "<", 3)])
    assert read["name"].to_pylist() == ["model-0", "model-1", "model-2"]


def test_file_names_that_need_escaping(api, tmp_path):
    name = "dir with space/100%25 #1?é&=+.txt"
    commit(api, {name: b"odd"})
    assert files(api) == [name]
    assert content(api, name, tmp_path) == b"odd"
    assert api.file_exists(REPO, name, repo_type="dataset")
    assert [one.path for one in api.list_repo_tree(REPO, "dir with space", repo_type="dataset")] == [name]
    assert [one.path for one in api.get_paths_info(REPO, name, repo_type="dataset")] == [name]


def test_missing_things_have_the_errors_of_the_hub(hub, api, tmp_path):
    commit(api, {"a.txt": b"1"})
    for client, code in ((api, 404), (hub.api(False), 401)):
        with pytest.raises(RepositoryNotFoundError) as error:
            client.dataset_info("nobody/nothing")
        assert status(error) == code
    with pytest.raises(RemoteEntryNotFoundError):
        content(api, "b.txt", tmp_path)
    with pytest.raises(RevisionNotFoundError):
        content(api, "a.txt", tmp_path, "v9")
    with pytest.raises(RevisionNotFoundError):
        commit(api, {"a.txt": b"2"}, revision="no-branch")
    with pytest.raises(BadRequestError):
        commit(api, {"a.txt/b.txt": b"a file cannot be a folder"})


def test_reading_is_open_writing_needs_the_token(hub, api, tmp_path):
    commit(api, {"a.txt": b"1"})
    anonymous = hub.api(False)
    assert content(anonymous, "a.txt", tmp_path) == b"1"
    for write in (
        lambda: commit(anonymous, {"a.txt": b"2"}),
        lambda: anonymous.create_repo("x/y"),
        lambda: anonymous.create_tag(REPO, tag="t", repo_type="dataset"),
        lambda: anonymous.delete_repo(REPO, repo_type="dataset"),
    ):
        with pytest.raises(HfHubHTTPError) as error:
            write()
        assert status(error) == 401
    api.create_repo("observatory/secret", repo_type="dataset", private=True)
    assert api.dataset_info("observatory/secret").private
    with pytest.raises(RepositoryNotFoundError):
        anonymous.dataset_info("observatory/secret")
    assert content(api, "a.txt", tmp_path / "again") == b"1"


def test_whoami_tells_tokens_apart(hub, api):
    who = api.whoami()
    assert (who["type"], who["auth"]["accessToken"]["role"]) == ("user", "write")
    wrong = hub.api("hf_wrong")
    for read in (wrong.whoami, lambda: list(wrong.list_models()), lambda: wrong.dataset_info(REPO)):
        with pytest.raises(HfHubHTTPError) as error:
            read()
        assert status(error) == 401
        assert "hf_wrong" not in str(error.value)


def test_a_client_that_insists_on_xet_is_told_what_to_set(hub, api, tmp_path):
    script = f"""
import huggingface_hub
api = huggingface_hub.HfApi(endpoint={hub.url!r}, token={TOKEN!r})
api.upload_file(path_or_fileobj=b"x" * 1000, path_in_repo="a.bin", repo_id={REPO!r}, repo_type="dataset")
"""
    environment = {"HF_HOME": str(tmp_path), "PATH": "/usr/bin"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode != 0
    # hf_xet shows the address that failed and not the answer's text: the address has to say what to do.
    assert "HF_HUB_DISABLE_XET=1" in done.stderr
    done = subprocess.run(
        [sys.executable, "-c", script], env={**environment, "HF_HUB_DISABLE_XET": "1"}, timeout=PATIENCE
    )
    assert done.returncode == 0
    assert files(api) == ["a.bin"]


def test_git_itself_agrees_with_the_hash_of_a_file():
    # `git hash-object -t blob /dev/null`
    assert git_oid(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
