"""Repositories of the sandbox Hub on disk: blobs by content, commits by hash, one document of refs per repository.

What a repository is and how it survives a crash belongs here; HTTP, tokens and the catalogue do not. A ref is moved
last and by renaming one file: a crash leaves the previous commit and at most orphans, which the next start sweeps.
"""

import hashlib
import json
import re
import secrets
import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from orchestration.ground.errors import HubscapeError
from orchestration.ground.files import fsync, lock, put_in_place

GITATTRIBUTES = b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"
SHA256 = re.compile(r"[0-9a-f]{64}")
COMMIT_SHA = re.compile(r"[0-9a-f]{40}")
_REF_NAME = re.compile(r"(?!.*(\.\.|//|@\{))[A-Za-z0-9_][A-Za-z0-9._/+-]{0,250}(?<![/.])")
_FORBIDDEN_SEGMENTS = {"", ".", "..", ".git"}


class StoreLocked(HubscapeError):
    """Another server holds the folder."""


class StoreDamaged(HubscapeError):
    """A ref names a commit, or a commit names a blob, that is not on disk."""


class Refused(Exception):
    """What the store does not do: `reason` says why, in a word of `Reason`."""

    Reason = Literal["RevisionNotFound", "EntryNotFound", "Exists", "StaleParent", "Invalid"]

    def __init__(self, reason: Reason, message: str) -> None:
        """Keeps the reason beside the sentence."""
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class File:
    """One file of a commit: git `oid` (of the pointer if `lfs`), bytes, content hash, commit that last wrote it."""

    oid: str
    size: int
    sha256: str
    lfs: bool
    commit: str


@dataclass(frozen=True)
class Commit:
    """One commit: 40-hex `sha`, UTC ISO `date`, and every file of the repository by path."""

    sha: str
    parent: str | None
    title: str
    message: str
    date: str
    files: dict[str, File]


@dataclass(frozen=True)
class Repo:
    """One repository: `kind` is models, datasets or spaces; `uid` the Hub's `_id`; refs map names to commits."""

    kind: str
    id: str
    uid: str
    private: bool
    created_at: str
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """One line of a commit: what to do with `path`, named as the Hub's commit body names it."""

    key: Literal["file", "lfsFile", "copyFile", "deletedFile", "deletedFolder"]
    path: str
    content: bytes = b""
    sha256: str = ""
    source: str = ""
    revision: str = ""


def git_oid(data: bytes) -> str:
    """The git object id of a file's content, 40 hex digits."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def lfs_pointer(sha256: str, size: int) -> bytes:
    """The small text git keeps in place of a large file."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()


def checked_path(path: object) -> str:
    """`path` itself if it can name a file inside a repository; raises Refused otherwise."""
    if not isinstance(path, str) or len(path) > 1000 or any(ord(char) < 32 or char == "\\" for char in path):
        raise Refused("Invalid", f"Not a path inside a repository: {path!r:.80}.")
    if any(segment in _FORBIDDEN_SEGMENTS for segment in path.split("/")):
        raise Refused("Invalid", f"Not a path inside a repository: {path!r:.80}.")
    return path


class Store:
    """The repositories under one folder, open for one process at a time.

    Methods may be called from several threads; what they return is immutable.
    """

    def __init__(self, root: Path) -> None:
        """Opens or makes the folder and sweeps orphans.

        Raises StoreLocked if another server holds it, StoreDamaged if a ref leads nowhere.
        """
        self.root = root
        self._blobs, self._commits, self._repo_files = root / "blobs", root / "commits", root / "repos"
        self._staging = root / "staging"
        for folder in (self._blobs, self._commits, self._repo_files, self._staging):
            folder.mkdir(parents=True, exist_ok=True)
        self._mutex = threading.Lock()
        busy = StoreLocked(f"Another sandbox Hub already serves {root}: stop it or choose another data folder.")
        self._lock_file = lock(root / "lock", busy)
        self._read_commit = lru_cache(maxsize=128)(self._load_commit)
        try:
            self._repos = {(repo.kind, repo.id): repo for repo in self._load_repos()}
            self._sweep()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Lets another process open the folder."""
        self._lock_file.close()

    def repo(self, kind: str, repo_id: str) -> Repo | None:
        """The repository as it is now, None if there is none."""
        return self._repos.get((kind, repo_id))

    def create_repo(self, kind: str, repo_id: str, *, private: bool = False, at: datetime | None = None) -> Repo:
        """A new repository, made now or `at` a time, whose first commit holds `.gitattributes`; Refused as Exists."""
        with self._mutex:
            if (kind, repo_id) in self._repos:
                raise Refused("Exists", f"The repository {repo_id} exists already.")
            made = _written(at or datetime.now(UTC))
            repo = Repo(kind, repo_id, secrets.token_hex(12), private, made)
            files = self._applied(repo, {}, [Operation("file", ".gitattributes", GITATTRIBUTES)])
            return self._advance(repo, "main", None, files, "initial commit", "", made)[0]

    def delete_repo(self, repo: Repo) -> None:
        """Forgets the repository; its blobs go at the next start."""
        with self._mutex:
            self._repo_file(repo).unlink(missing_ok=True)
            fsync(self._repo_files)
            self._repos.pop((repo.kind, repo.id), None)

    def commit_at(self, repo: Repo, revision: str) -> Commit:
        """The commit a branch, tag or full hash stands for; Refused as RevisionNotFound."""
        sha = repo.branches.get(revision.removeprefix("refs/heads/")) or repo.tags.get(
            revision.removeprefix("refs/tags/"), revision
        )
        if not COMMIT_SHA.fullmatch(sha):
            raise Refused("RevisionNotFound", f"Invalid rev id: {revision:.80}")
        try:
            return self._read_commit(repo.uid, sha)
        except StoreDamaged:
            raise Refused("RevisionNotFound", f"Invalid rev id: {revision:.80}") from None

    def history(self, repo: Repo, commit: Commit) -> Iterator[Commit]:
        """The commit and its ancestors, newest first."""
        yield commit
        while commit.parent is not None:
            commit = self._read_commit(repo.uid, commit.parent)
            yield commit

    def commit(
        self,
        repo: Repo,
        branch: str,
        operations: Iterable[Operation],
        *,
        title: str,
        message: str = "",
        parent: str | None = None,
        at: datetime | None = None,
    ) -> Commit:
        """The head of `branch` after the operations: a new commit, or the old head if nothing changed.

        A commit is of now, or of the time `at`, by which a repository gets a past.

        Refused as RevisionNotFound for an unknown branch, StaleParent if `parent` is given and not the head,
        EntryNotFound for a deletion or copy of what is not there, Invalid for the rest.
        """
        with self._mutex:
            repo = self._repos[repo.kind, repo.id]
            if branch not in repo.branches:
                raise Refused("RevisionNotFound", f"Invalid rev id: {branch:.80}")
            head = self._read_commit(repo.uid, repo.branches[branch])
            if parent is not None and parent != head.sha:
                raise Refused("StaleParent", "A commit has happened since. Please refresh and try again.")
            files = self._applied(repo, head.files, operations)
            if files == head.files:
                return head
            made = _written(at or datetime.now(UTC))
            return self._advance(repo, branch, head.sha, files, title, message, made)[1]

    def set_ref(self, repo: Repo, refs: Literal["branches", "tags"], name: str, sha: str | None) -> None:
        """Makes a branch or tag at commit `sha`, removes it if None; Refused as Exists, RevisionNotFound, Invalid."""
        if not _REF_NAME.fullmatch(name) or COMMIT_SHA.fullmatch(name):
            raise Refused("Invalid", f"Not a name for a branch or tag: {name!r:.80}.")
        with self._mutex:
            repo = self._repos[repo.kind, repo.id]
            named = dict(getattr(repo, refs))
            if sha is None:
                if named.pop(name, None) is None:
                    raise Refused("RevisionNotFound", f"Invalid rev id: {name:.80}")
            elif name in named:
                raise Refused("Exists", f"Reference {name} exists already.")
            else:
                named[name] = sha
            self._save_repo(replace(repo, **{refs: named}))

    def blob_path(self, sha256: str) -> Path:
        """Where the content of that hash lies or would lie; raises Refused if it is no hash."""
        if not SHA256.fullmatch(sha256):
            raise Refused("Invalid", f"Not a SHA-256 hash: {sha256!r:.80}.")
        return self._blobs / sha256[:2] / sha256

    def blob_size(self, sha256: str) -> int | None:
        """Size in bytes of the stored content, None if it is not stored."""
        try:
            return self.blob_path(sha256).stat().st_size
        except FileNotFoundError:
            return None

    def staging_path(self) -> Path:
        """A fresh file name for an upload; whatever is left there goes at the next start."""
        return self._staging / secrets.token_hex(16)

    def adopt(self, staged: Path, sha256: str) -> None:
        """Moves a fully written file, whose hash the caller has checked, among the blobs."""
        target = self.blob_path(sha256)
        _make_folder(target.parent)
        put_in_place(staged, target)

    def _applied(self, repo: Repo, head: dict[str, File], operations: Iterable[Operation]) -> dict[str, File]:
        """The files after the operations, in order; new content is on disk, and new files have no commit yet."""
        files = dict(head)
        for operation in operations:
            path = checked_path(operation.path.rstrip("/") if operation.key == "deletedFolder" else operation.path)
            match operation.key:
                case "deletedFile":
                    self._expect(path in files, "file", path)
                    del files[path]
                    continue
                case "deletedFolder":
                    gone = [name for name in files if name.startswith(path + "/")]
                    self._expect(bool(gone), "folder", path)
                    files = {name: file for name, file in files.items() if name not in set(gone)}
                    continue
                case "copyFile":
                    source = self.commit_at(repo, operation.revision).files if operation.revision else files
                    self._expect(operation.source in source, "file", operation.source)
                    new = replace(source[operation.source], commit="")
                case "file" | "lfsFile":
                    new = self._stored(operation)
            # Who writes what is there already has not touched it.
            files[path] = head[path] if path in head and replace(head[path], commit="") == new else new
        for folder in {self.blob_path(file.sha256).parent for file in files.values() if not file.commit}:
            fsync(folder)
        clash = {folder for path in files for folder in _parents(path)} & files.keys()
        if clash:
            raise Refused("Invalid", f"Both a file and a folder in the same commit: {min(clash)!r:.80}.")
        return files

    @staticmethod
    def _expect(found: bool, what: str, path: str) -> None:
        if not found:
            # The client looks for these very words.
            raise Refused("EntryNotFound", f'A {what} with this name doesn\'t exist: "{path}"')

    def _stored(self, operation: Operation) -> File:
        if operation.key == "lfsFile":
            size = self.blob_size(operation.sha256)
            if size is None:
                raise Refused("Invalid", f"The content of {operation.path!r:.80} was not uploaded before the commit.")
            return File(git_oid(lfs_pointer(operation.sha256, size)), size, operation.sha256, lfs=True, commit="")
        sha256 = hashlib.sha256(operation.content).hexdigest()
        target = self.blob_path(sha256)
        if not target.exists():
            _make_folder(target.parent)
            self._write(target, operation.content)
        return File(git_oid(operation.content), len(operation.content), sha256, lfs=False, commit="")

    def _advance(
        self, repo: Repo, branch: str, parent: str | None, files: dict[str, File], title: str, message: str, made: str
    ) -> tuple[Repo, Commit]:
        document = {
            "repo": repo.uid,
            "parent": parent,
            "title": title,
            "message": message,
            "date": made,
            # A commit cannot hold its own hash: an empty one means "this commit".
            "files": {path: asdict(files[path]) for path in sorted(files)},
        }
        body = json.dumps(document, separators=(",", ":")).encode()
        sha = hashlib.sha1(body, usedforsecurity=False).hexdigest()
        target = self._commits / f"{sha}.json"
        self._write(target, body)
        fsync(self._commits)
        repo = replace(repo, branches={**repo.branches, branch: sha})
        self._save_repo(repo)
        return repo, self._read_commit(repo.uid, sha)

    def _save_repo(self, repo: Repo) -> None:
        self._write(self._repo_file(repo), json.dumps(asdict(repo), indent=1).encode())
        fsync(self._repo_files)
        self._repos[repo.kind, repo.id] = repo

    def _write(self, target: Path, data: bytes) -> None:
        """The whole file or nothing under its name; the caller syncs the folder."""
        staged = self.staging_path()
        try:
            staged.write_bytes(data)
            fsync(staged)
            staged.replace(target)
        finally:
            staged.unlink(missing_ok=True)

    def _repo_file(self, repo: Repo) -> Path:
        # The id is a stranger's text: only its hash becomes a file name.
        return self._repo_files / f"{hashlib.sha256(f'{repo.kind}/{repo.id}'.encode()).hexdigest()}.json"

    def _load_repos(self) -> Iterator[Repo]:
        for path in sorted(self._repo_files.glob("*.json")):
            yield Repo(**self._document(path))

    def _load_commit(self, uid: str, sha: str) -> Commit:
        document = self._document(self._commits / f"{sha}.json")
        if document.pop("repo") != uid:
            raise StoreDamaged(f"Commit {sha} belongs to another repository.")
        files = {
            path: File(**{**entry, "commit": entry["commit"] or sha}) for path, entry in document.pop("files").items()
        }
        return Commit(sha=sha, files=files, **document)

    def _document(self, path: Path) -> dict[str, Any]:
        try:
            return json.loads(path.read_bytes())
        except (FileNotFoundError, ValueError) as error:
            raise StoreDamaged(f"{path} is missing or no JSON document: restore it or delete {self.root}.") from error

    def _sweep(self) -> None:
        """Removes what no ref leads to: half-done uploads, commits that lost, blobs of deleted repositories."""
        commits: set[str] = set()
        blobs: set[str] = set()
        for repo in self._repos.values():
            for head in {*repo.branches.values(), *repo.tags.values()}:
                for commit in self.history(repo, self._read_commit(repo.uid, head)):
                    if commit.sha in commits:
                        break
                    commits.add(commit.sha)
                    blobs |= {file.sha256 for file in commit.files.values()}
        for path in self._staging.iterdir():
            path.unlink()
        for path in self._commits.iterdir():
            if path.stem not in commits:
                path.unlink()
        for path in self._blobs.glob("*/*"):
            if path.name not in blobs:
                path.unlink()


def _parents(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _written(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(exist_ok=True)
        fsync(folder.parent)
