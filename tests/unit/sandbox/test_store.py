"""The sandbox Hub's repositories on disk: what a commit is, what stands after a crash at any step."""

import json
import os
import threading
import time

import pytest

from orchestration.sandbox.store import Operation, Refused, Store, StoreDamaged, StoreLocked, checked_path


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store")
    yield store
    store.close()


def write(store, repo, files: dict[str, bytes], **options):
    operations = [Operation("file", path, content) for path, content in files.items()]
    return store.commit(repo, "main", operations, title="t", **options)


def content(store, commit, path: str) -> bytes:
    return store.blob_path(commit.files[path].sha256).read_bytes()


def reopened(store) -> Store:
    store.close()
    return Store(store.root)


def files_on_disk(store) -> set[str]:
    return {path.name for path in store.root.rglob("*") if path.is_file()}


def test_commits_chain_and_keep_what_they_do_not_touch(store):
    repo = store.create_repo("datasets", "a/b")
    first = write(store, repo, {"a.txt": b"1", "b.txt": b"1"})
    second = write(store, repo, {"b.txt": b"2"})
    assert content(store, second, "a.txt") == b"1"
    assert content(store, second, "b.txt") == b"2"
    assert (second.files["a.txt"].commit, second.files["b.txt"].commit) == (first.sha, second.sha)
    repo = store.repo("datasets", "a/b")
    assert [one.sha for one in store.history(repo, store.commit_at(repo, "main"))][:2] == [second.sha, first.sha]


def test_the_same_content_makes_no_commit(store):
    repo = store.create_repo("datasets", "a/b")
    first = write(store, repo, {"a.txt": b"1"})
    assert write(store, repo, {"a.txt": b"1"}).sha == first.sha
    assert write(store, repo, {}).sha == first.sha


def test_a_file_deleted_and_added_again_in_one_commit_stays(store):
    repo = store.create_repo("datasets", "a/b")
    first = write(store, repo, {"d/a.txt": b"1", "d/b.txt": b"2"})
    operations = [Operation("deletedFolder", "d/"), Operation("file", "d/a.txt", b"1")]
    second = store.commit(repo, "main", operations, title="t")
    assert {path for path in second.files if path.startswith("d/")} == {"d/a.txt"}
    assert second.files["d/a.txt"].commit == first.sha


def test_kinds_and_ids_do_not_collide(store):
    for kind, name in (("datasets", "a/b"), ("models", "a/b"), ("datasets", "A/b")):
        write(store, store.create_repo(kind, name), {"a.txt": f"{kind}/{name}".encode()})
    for kind, name in (("datasets", "a/b"), ("models", "a/b"), ("datasets", "A/b")):
        commit = store.commit_at(store.repo(kind, name), "main")
        assert content(store, commit, "a.txt") == f"{kind}/{name}".encode()
    with pytest.raises(Refused) as error:
        store.create_repo("models", "a/b")
    assert error.value.reason == "Exists"


def test_a_commit_of_another_repository_is_no_revision(store):
    one, other = store.create_repo("datasets", "a/one"), store.create_repo("datasets", "a/other")
    secret = write(store, one, {"a.txt": b"1"})
    with pytest.raises(Refused) as error:
        store.commit_at(other, secret.sha)
    assert error.value.reason == "RevisionNotFound"


def test_a_repository_made_again_has_none_of_the_old_commits(store):
    repo = store.create_repo("datasets", "a/b")
    old = write(store, repo, {"a.txt": b"1"})
    store.delete_repo(store.repo("datasets", "a/b"))
    repo = store.create_repo("datasets", "a/b")
    assert set(store.commit_at(repo, "main").files) == {".gitattributes"}
    with pytest.raises(Refused):
        store.commit_at(repo, old.sha)


def test_everything_is_there_after_reopening(store):
    repo = store.create_repo("datasets", "a/b", private=True)
    first = write(store, repo, {"a.txt": b"1"})
    store.set_ref(repo, "tags", "v1", first.sha)
    second = write(store, repo, {"a.txt": b"2"})
    store = reopened(store)
    repo = store.repo("datasets", "a/b")
    assert repo.private
    assert store.commit_at(repo, "v1") == first
    assert store.commit_at(repo, "main") == second
    assert content(store, first, "a.txt") == b"1"
    store.close()


def test_of_two_writers_on_one_parent_one_wins(store, monkeypatch):
    repo = store.create_repo("datasets", "a/b")
    parent, outcomes, real = repo.branches["main"], [], store._write

    def slow_write(target, data):
        # Long enough for the other writer to read the same head, if nothing holds it back.
        time.sleep(0.05)
        real(target, data)

    def writer(number: int) -> None:
        try:
            write(store, repo, {"a.txt": b"%d" % number}, parent=parent)
            outcomes.append("won")
        except Refused as error:
            outcomes.append(error.reason)

    monkeypatch.setattr(store, "_write", slow_write)
    threads = [threading.Thread(target=writer, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["StaleParent", "won"]


@pytest.mark.parametrize("step", range(1, 9))
def test_a_crash_at_any_step_leaves_the_old_or_the_new_commit(store, monkeypatch, step):
    repo = store.create_repo("datasets", "a/b")
    old = write(store, repo, {"a.txt": b"1"})
    clean = files_on_disk(store)

    class Crash(BaseException):
        pass

    done = 0
    real = os.fsync

    def fsync(handle):
        nonlocal done
        done += 1
        if done == step:
            raise Crash
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    crashed = False
    try:
        new = write(store, repo, {"a.txt": b"2", "b.txt": b"2", "c.txt": b"3"})
    except Crash:
        crashed = True
    monkeypatch.undo()
    store = reopened(store)
    head = store.commit_at(store.repo("datasets", "a/b"), "main")
    if not crashed:
        assert head == new
    if head.sha == old.sha:
        assert files_on_disk(store) == clean, "nothing of the crash is left"
    else:
        assert [content(store, head, f"{name}.txt") for name in "abc"] == [b"2", b"2", b"3"]
    assert write(store, store.repo("datasets", "a/b"), {"d.txt": b"4"}).parent == head.sha
    store.close()


def test_the_ref_moves_last(store, monkeypatch):
    repo = store.create_repo("datasets", "a/b")
    old = write(store, repo, {"a.txt": b"1"})
    monkeypatch.setattr(store, "_save_repo", lambda repo: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        write(store, repo, {"a.txt": b"2"})
    monkeypatch.undo()
    assert store.commit_at(store.repo("datasets", "a/b"), "main").sha == old.sha


def test_orphans_are_swept_and_what_is_referenced_is_kept(store):
    repo = store.create_repo("datasets", "a/b")
    first = write(store, repo, {"a.txt": b"1"})
    write(store, repo, {"a.txt": b"2"})
    gone = store.create_repo("datasets", "a/gone")
    write(store, gone, {"x.txt": b"only here"})
    blob = store.commit_at(store.repo("datasets", "a/gone"), "main").files["x.txt"].sha256
    store.delete_repo(gone)
    store.staging_path().write_bytes(b"half an upload")
    store = reopened(store)
    assert store.blob_size(blob) is None
    assert content(store, first, "a.txt") == b"1", "history is kept"
    assert list((store.root / "staging").iterdir()) == []
    store.close()


def test_a_second_store_on_the_folder_is_refused(store):
    with pytest.raises(StoreLocked, match="stop it or choose another"):
        Store(store.root)
    reopened(store).close()


def test_a_damaged_store_says_so_and_lets_go_of_the_lock(store):
    write(store, store.create_repo("datasets", "a/b"), {"a.txt": b"1"})
    for path in (store.root / "commits").iterdir():
        path.write_text("{")
    for _ in range(2):
        with pytest.raises(StoreDamaged, match="restore it or delete"):
            reopened(store)


def test_no_id_or_path_becomes_a_file_name(store):
    repo = store.create_repo("datasets", "owner/unusual-name")
    write(store, repo, {"unusual-path.txt": b"1"})
    names = " ".join(str(path.relative_to(store.root)) for path in store.root.rglob("*"))
    assert "unusual" not in names


@pytest.mark.parametrize("path", ["a", "a/b.c", ".gitignore", "..a/b", "a b", "é/ü", "a" * 1000])
def test_paths_inside_a_repository(path):
    assert checked_path(path) == path


@pytest.mark.parametrize("path", [None, 3, "", "/a", "a/", "..", "a/..", "./a", ".git", "a\tb", "a" * 1001])
def test_paths_that_are_not(path):
    with pytest.raises(Refused):
        checked_path(path)


@pytest.mark.parametrize("name", ["", "../x", "a b", "-x", "a//b", "x/", "f" * 40, "a\nb"])
def test_names_no_ref_can_have(store, name):
    repo = store.create_repo("datasets", "a/b")
    with pytest.raises(Refused) as error:
        store.set_ref(repo, "tags", name, repo.branches["main"])
    assert error.value.reason == "Invalid"


def test_documents_are_plain_json(store):
    write(store, store.create_repo("datasets", "a/b"), {"a.txt": b"1"})
    for path in store.root.rglob("*.json"):
        json.loads(path.read_text())
