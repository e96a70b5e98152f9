"""Reading one repository of the sandbox Hub: what it is, its refs and commits, its files.

Writing is in `writes`; the lists and what is about no single repository live elsewhere.
"""

import hashlib
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote

import yaml
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from orchestration.sandbox.answers import (
    KINDS,
    HubError,
    Json,
    authenticated,
    error_answer,
    next_link,
    page_limit,
    read_body,
    read_cursor,
)
from orchestration.sandbox.lists import expanded_fields, shown
from orchestration.sandbox.store import Commit, File, Refused, Repo, Store, lfs_pointer

PATHS_CAP = 1000
USER = "sandbox"
_FRONT_MATTER = re.compile(r"---[ \t]*\r?\n(?:(.*?)\r?\n)?---[ \t]*(?:\r?\n|$)", re.DOTALL)


class _Download(FileResponse):
    """A stored blob, read in pieces large enough not to slow a download."""

    chunk_size = 1 << 20


def store_error(request: Request, error: Exception) -> Response:
    """The Hub's answer for what the store refuses or cannot do."""
    match error:
        case Refused(reason="RevisionNotFound" | "EntryNotFound" as code):
            answer = HubError(404, str(error), code=code)
        case Refused(reason=reason):
            answer = HubError({"StaleParent": 412, "Exists": 409}.get(reason, 400), str(error))
        case OSError():
            answer = HubError(507, f"The sandbox could not use its data folder: {error.strerror}.")
        case _:
            answer = HubError(500, str(error))
    return error_answer(request, answer)


def front_matter(text: str) -> dict[str, Any] | None:
    """The metadata at the head of a card, None without any; raises ValueError with a sentence if it is no mapping."""
    found = _FRONT_MATTER.match(text)
    if found is None:
        return None
    try:
        metadata = yaml.safe_load(found[1] or "")
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"The metadata is not YAML: {' '.join(str(error).split())}") from error
    if metadata is not None and not isinstance(metadata, dict):
        raise ValueError("The metadata must be a mapping of names to values.")
    return metadata


def param(request: Request, name: str) -> str:
    """A part of the path, unescaped."""
    return unquote(request.path_params[name])


def kind_of(request: Request) -> str:
    """models, datasets or spaces: the path's own word, models where the path has none; raises 404 otherwise."""
    kind = request.path_params.get("kind", "models")
    if kind not in KINDS:
        raise HubError(404, "Sorry, we can't find the page you are looking for.")
    return kind


def repo_id(request: Request) -> str:
    """`owner/name`, or the bare name of a repository of the Hub's first days."""
    return "/".join(param(request, part) for part in ("owner", "name") if part in request.path_params)


def catalogue_row(request: Request) -> dict[str, Any] | None:
    """The catalogue's row of the repository asked for; raises the 307 of a renamed one."""
    kind, name, catalogue = kind_of(request), repo_id(request), request.app.state.catalogue
    row = next((row for row in getattr(catalogue, kind) if isinstance(row, dict) and row.get("id") == name), None)
    if row is None and (new := catalogue.renames.get((kind, name))) is not None:
        location = request.scope["path"].replace(quote(name), quote(new), 1)
        query = request.url.query
        raise HubError(307, f"Renamed to {new}.", headers={"Location": f"{location}?{query}" if query else location})
    return row


def readable(request: Request) -> Repo:
    """The stored repository asked for; raises what the Hub says of a missing, private or renamed one."""
    repo = request.app.state.store.repo(kind_of(request), repo_id(request))
    if repo is None or (repo.private and not authenticated(request)):
        if repo is None and catalogue_row(request) is not None:
            raise HubError(404, "The sandbox has no files of this repository.", code="EntryNotFound")
        if authenticated(request):
            raise HubError(404, "Repository not found", code="RepoNotFound")
        raise HubError(401, "Invalid username or password.", code="RepoNotFound")
    return repo


def at_revision(request: Request) -> tuple[Repo, Commit]:
    """The repository and the commit of the path's revision."""
    repo = readable(request)
    return repo, request.app.state.store.commit_at(repo, param(request, "revision"))


def info(request: Request) -> Response:
    """GET /api/{kind}/{id}: a repository of the store, or a row of the catalogue."""
    kind, store = kind_of(request), request.app.state.store
    fields = expanded_fields(request, kind)
    revision = param(request, "revision") if "revision" in request.path_params else None
    if store.repo(kind, repo_id(request)) is None and (row := catalogue_row(request)) is not None:
        if revision not in (None, "main", row.get("sha")):
            raise Refused("RevisionNotFound", f"Invalid rev id: {revision:.80}")
        return Json(shown(row, fields))
    repo = readable(request)
    commit = store.commit_at(repo, revision or "main")
    head = store.commit_at(repo, "main")
    card = _card(store, commit)
    blobs = "blobs" in request.query_params
    row = {
        "_id": repo.uid,
        "id": repo.id,
        **({"modelId": repo.id} if kind == "models" else {}),
        **({"sdk": card.get("sdk"), "models": [], "datasets": []} if kind == "spaces" else {"downloads": 0}),
        "author": repo.id.partition("/")[0],
        "sha": commit.sha,
        "createdAt": repo.created_at,
        "lastModified": head.date,
        "private": repo.private,
        "gated": False,
        "disabled": False,
        "likes": 0,
        "trendingScore": 0,
        "tags": [str(tag) for tag in card.get("tags") or []] if isinstance(card.get("tags"), list) else [],
        "cardData": card,
        "siblings": [_sibling(path, file, blobs) for path, file in commit.files.items()],
        "usedStorage": sum({file.sha256: file.size for file in commit.files.values()}.values()),
    }
    return Json(shown(row, fields))


def _card(store: Store, commit: Commit) -> dict[str, Any]:
    if "README.md" not in commit.files:
        return {}
    text = store.blob_path(commit.files["README.md"].sha256).read_text("utf-8", "replace")
    try:
        return front_matter(text) or {}
    except ValueError:
        # The Hub also shows a repository whose card it cannot read, without metadata.
        return {}


def _sibling(path: str, file: File, blobs: bool) -> dict[str, Any]:
    if not blobs:
        return {"rfilename": path}
    lfs = {"lfs": {"sha256": file.sha256, "size": file.size, "pointerSize": _pointer_size(file)}} if file.lfs else {}
    return {"rfilename": path, "size": file.size, "blobId": file.oid, **lfs}


def _pointer_size(file: File) -> int:
    return len(lfs_pointer(file.sha256, file.size))


def refs(request: Request) -> Response:
    """GET refs: branches and tags with the commits they stand for."""
    repo = readable(request)

    def listed(names: dict[str, str], prefix: str) -> list[dict[str, str]]:
        return [{"name": name, "ref": f"refs/{prefix}/{name}", "targetCommit": sha} for name, sha in names.items()]

    return Json(
        {
            "branches": listed(repo.branches, "heads"),
            "tags": listed(repo.tags, "tags"),
            "converts": [],
            "pullRequests": [],
        }
    )


def commits(request: Request) -> Response:
    """GET commits: newest first."""
    repo, commit, offset = _position(request)
    rows = [
        {"id": one.sha, "title": one.title, "message": one.message, "authors": [{"user": USER}], "date": one.date}
        for one in request.app.state.store.history(repo, commit)
    ]
    return Json(*_cut(request, rows, commit, offset))


def tree(request: Request) -> Response:
    """GET tree: what lies in a folder of a commit, or under it if `recursive`, in order of the paths."""
    repo, commit, offset = _position(request)
    folder = param(request, "path").strip("/") if "path" in request.path_params else ""
    rows = entries(commit, folder, recursive=flag(request, "recursive"))
    if folder and not rows:
        raise Refused("EntryNotFound", f'{folder} does not exist on "{param(request, "revision")}"')
    page, status, headers = _cut(request, rows, commit, offset)
    return Json(_with_commits(request, repo, commit, page) if flag(request, "expand") else page, status, headers)


def _position(request: Request) -> tuple[Repo, Commit, int]:
    """Repository, commit and offset of a page; the cursor holds the commit: a push between two pages is not seen."""
    repo, cursor = readable(request), read_cursor(request, 2)
    if cursor is None:
        return repo, request.app.state.store.commit_at(repo, param(request, "revision")), 0
    match cursor:
        case [str(sha), int(offset)] if offset >= 0:
            return repo, request.app.state.store.commit_at(repo, sha), offset
    raise HubError(400, "Invalid cursor.")


def _cut(
    request: Request, rows: list[dict[str, Any]], commit: Commit, offset: int
) -> tuple[list[dict[str, Any]], int, dict[str, str] | None]:
    """The page of `rows` asked for, with status and headers of its answer."""
    end = offset + page_limit(request)
    return rows[offset:end], 200, next_link(request, [commit.sha, end]) if end < len(rows) else None


async def paths_info(request: Request) -> Response:
    """POST paths-info: the entries of those paths of a form that exist, files and folders."""
    form = parse_qs((await read_body(request)).decode("utf-8", "replace"))
    paths = form.get("paths", [])
    if len(paths) > PATHS_CAP:
        raise HubError(413, "too many parameters")

    def answer() -> Response:
        repo, commit = at_revision(request)
        every = {entry["path"]: entry for entry in entries(commit, "", recursive=True)}
        rows = [every[path] for path in dict.fromkeys(path.strip("/") for path in paths) if path in every]
        expand = form.get("expand", ["false"])[0].lower() == "true"
        return Json(_with_commits(request, repo, commit, rows) if expand else rows)

    return await run_in_threadpool(answer)


def entries(commit: Commit, folder: str, *, recursive: bool) -> list[dict[str, Any]]:
    """Files and folders of a commit below `folder` (the root if empty), in order of their paths."""
    prefix = f"{folder}/" if folder else ""
    found: dict[str, dict[str, Any]] = {}
    hashes: dict[str, Any] = {}
    for path, file in commit.files.items():
        if not path.startswith(prefix):
            continue
        parts = path[len(prefix) :].split("/")
        for depth in range(1, len(parts) if recursive else min(len(parts), 2)):
            parent = prefix + "/".join(parts[:depth])
            hashes.setdefault(parent, hashlib.sha1(usedforsecurity=False)).update(f"{path} {file.oid}\n".encode())
        if recursive or len(parts) == 1:
            found[path] = {"type": "file", "oid": file.oid, "size": file.size, "path": path}
            if file.lfs:
                found[path]["lfs"] = {"oid": file.sha256, "size": file.size, "pointerSize": _pointer_size(file)}
    for path, digest in hashes.items():
        found[path] = {"type": "directory", "oid": digest.hexdigest(), "size": 0, "path": path}
    return [found[path] for path in sorted(found)]


def _with_commits(request: Request, repo: Repo, commit: Commit, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with `lastCommit`: of a file the commit that last wrote it, of a folder the latest below it."""
    store: Store = request.app.state.store
    for row in rows:
        below = f"{row['path']}/"
        shas = {file.commit for path, file in commit.files.items() if path == row["path"] or path.startswith(below)}
        last = max((store.commit_at(repo, sha) for sha in shas), key=lambda one: one.date)
        row["lastCommit"] = {"id": last.sha, "title": last.title, "date": last.date}
    return rows


def flag(request: Request, name: str) -> bool:
    """Whether a query parameter says yes."""
    return request.query_params.get(name, "false").lower() in ("true", "1")


def resolve(request: Request) -> Response:
    """GET or HEAD resolve: the bytes of one file, with ranges and the headers the client caches by."""
    _, commit = at_revision(request)
    path = param(request, "path")
    file = commit.files.get(path)
    if file is None:
        raise HubError(404, "Entry not found", code="EntryNotFound", headers={"X-Repo-Commit": commit.sha})
    etag = file.sha256 if file.lfs else file.oid
    headers = {"ETag": f'"{etag}"', "X-Repo-Commit": commit.sha}
    if file.lfs:
        headers |= {"X-Linked-Etag": f'"{etag}"', "X-Linked-Size": str(file.size)}
    return _Download(request.app.state.store.blob_path(file.sha256), headers=headers, filename=Path(path).name)
