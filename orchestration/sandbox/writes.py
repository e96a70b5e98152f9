"""Writing to the sandbox Hub: repositories, large files, commits, tags and branches, as the client sends them.

What a commit does to a repository is the store's; reading one back is in `repos`.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from orchestration.sandbox.answers import KINDS, HubError, Json, origin, read_body, read_json, require_token
from orchestration.sandbox.repos import USER, catalogue_row, flag, front_matter, kind_of, param, readable, repo_id
from orchestration.sandbox.store import COMMIT_SHA, SHA256, Operation, Refused, Repo, Store, checked_path

LFS_OBJECT_CAP = 2 << 30
COMMIT_BODY_CAP = 64 << 20
REGULAR_FILE_CAP = 10_000_000
_LFS_SUFFIX = re.compile(
    r"\.(7z|arrow|bin|bz2|duckdb|gif|gz|jpe?g|mp4|np[yz]|onnx|parquet|pdf|pkl|png|pt|safetensors|sqlite|tar|webp|xz|zip|zst)",
    re.IGNORECASE,
)
_REPO_NAME = re.compile(r"(?!.*(\.\.|--))[A-Za-z0-9_][A-Za-z0-9._-]{0,95}(?<![.-])(?<!\.git)")


def _web_address(request: Request, kind: str, name: str) -> str:
    return f"{origin(request)}/{'' if kind == 'models' else f'{kind}/'}{name}"


def writable(request: Request) -> Repo:
    """The stored repository asked for; raises 401 without the token, 403 for a repository of the catalogue."""
    require_token(request)
    store: Store = request.app.state.store
    if store.repo(kind_of(request), repo_id(request)) is None and catalogue_row(request) is not None:
        raise HubError(403, "This repository belongs to the sandbox's catalogue: nobody can write to it.")
    return readable(request)


async def create(request: Request) -> Response:
    """POST /api/repos/create."""
    require_token(request)
    body = await read_json(request)
    kind, name = _named(body)
    private = body.get("visibility") == "private" or body.get("private") is True
    url = {"url": _web_address(request, kind, name), "name": name}
    taken = HubError(409, f"You already created this {kind[:-1]} repo: {name}", **url)
    if any(isinstance(row, dict) and row.get("id") == name for row in getattr(request.app.state.catalogue, kind)):
        raise taken
    try:
        repo = await run_in_threadpool(request.app.state.store.create_repo, kind, name, private=private)
    except Refused as error:
        raise taken from error
    return Json({**url, "id": repo.uid})


async def delete(request: Request) -> Response:
    """DELETE /api/repos/delete."""
    require_token(request)
    kind, name = _named(await read_json(request))
    store: Store = request.app.state.store
    repo = store.repo(kind, name)
    if repo is None:
        raise HubError(404, "Repository not found", code="RepoNotFound")
    await run_in_threadpool(store.delete_repo, repo)
    return Json({})


def _named(body: dict[str, Any]) -> tuple[str, str]:
    """Kind and id that a create or delete request names; raises 400 if they cannot be."""
    kind, owner, name = f"{body.get('type') or 'model'}s", body.get("organization") or USER, body.get("name")
    if kind not in KINDS:
        raise HubError(400, "The sandbox has models, datasets and spaces only.")
    if not all(isinstance(part, str) and _REPO_NAME.fullmatch(part) for part in (owner, name)):
        raise HubError(400, f"Not a repository name: {f'{owner}/{name}'!r:.200}.")
    return kind, f"{owner}/{name}"


async def validate_yaml(request: Request) -> Response:
    """POST /api/validate-yaml: whether the head of a card can be read."""
    content = (await read_json(request)).get("content")
    errors, warnings = [], []
    try:
        if front_matter(content if isinstance(content, str) else "") is None:
            warnings.append({"message": "empty or missing yaml metadata in repo card"})
    except ValueError as error:
        errors.append({"message": str(error)})
    return Json({"errors": errors, "warnings": warnings}, 400 if errors else 200)


async def preupload(request: Request) -> Response:
    """POST preupload: how each file is to be sent and the hash of what stands in its place."""
    repo, body = writable(request), await read_json(request)
    commit = request.app.state.store.commit_at(repo, param(request, "revision"))
    files = body.get("files")
    if not isinstance(files, list) or not all(isinstance(file, dict) for file in files):
        raise HubError(400, '"files" must be a list of objects.')
    answers = []
    for file in files:
        path, size, present = checked_path(file.get("path")), file.get("size"), None
        if path in commit.files:
            present = commit.files[path].sha256 if commit.files[path].lfs else commit.files[path].oid
        large = isinstance(size, int) and size > REGULAR_FILE_CAP
        lfs = large or _LFS_SUFFIX.fullmatch(Path(path).suffix) is not None
        mode = "lfs" if lfs else "regular"
        answers.append(
            {"path": path, "uploadMode": mode, "shouldIgnore": False, **({"oid": present} if present else {})}
        )
    return Json({"files": answers, "commitOid": commit.sha})


def no_xet(request: Request) -> Response:
    """GET xet-write-token: a client with hf_xet asks for it unless told not to, and fails without."""
    # hf_xet shows its user the address that failed and not the text of the answer: so the address says what to do.
    raise HubError(
        307, "The sandbox has no Xet storage.", headers={"Location": "/no-xet-here-set-HF_HUB_DISABLE_XET=1"}
    )


async def lfs_batch(request: Request) -> Response:
    """POST .git/info/lfs/objects/batch: where to put each object; one already stored needs no upload."""
    writable(request)
    body = await read_json(request)
    objects = body.get("objects")
    if not isinstance(objects, list):
        raise HubError(400, '"objects" must be a list.')
    return Json(
        {"transfer": "basic", "objects": [_lfs_object(request, item) for item in objects]},
        headers={"Content-Type": "application/vnd.git-lfs+json"},
    )


def _lfs_object(request: Request, item: Any) -> dict[str, Any]:
    match item:
        case {"oid": str(oid), "size": int(size)} if SHA256.fullmatch(oid) and size >= 0:
            pass
        case _:
            raise HubError(400, "An LFS object needs its SHA-256 and its size.")
    answer = {"oid": oid, "size": size}
    if size > LFS_OBJECT_CAP:
        return {**answer, "error": {"code": 413, "message": "The sandbox takes files of 2 GiB at most."}}
    if request.app.state.store.blob_size(oid) == size:
        return answer
    verify = request.scope["path"].removesuffix("/objects/batch") + "/verify"
    href = f"{origin(request)}/_lfs/{oid}?size={size}&signature={_signature(request, oid, size)}"
    return {**answer, "actions": {"upload": {"href": href}, "verify": {"href": f"{origin(request)}{verify}"}}}


def _signature(request: Request, oid: str, size: int) -> str:
    # The client sends no token with the bytes themselves: the address alone has to allow this one upload.
    return hmac.new(request.app.state.token.encode(), f"{oid}:{size}".encode(), "sha256").hexdigest()


async def lfs_put(request: Request) -> Response:
    """PUT of an object's bytes: kept only if size and hash are those of its address."""
    oid, size = param(request, "oid"), request.query_params.get("size", "")
    store: Store = request.app.state.store
    signature = request.query_params.get("signature", "")
    if not size.isdecimal() or not hmac.compare_digest(
        signature.encode(), _signature(request, oid, int(size)).encode()
    ):
        raise HubError(403, "This upload address is not one the sandbox gave out.")
    staged, digest, received = store.staging_path(), hashlib.sha256(), 0
    try:
        with staged.open("wb") as file:
            async for chunk in request.stream():
                received += len(chunk)
                if received > int(size):
                    break
                digest.update(chunk)
                file.write(chunk)
        if received != int(size) or digest.hexdigest() != oid:
            raise HubError(400, "The bytes received are not those announced: size or SHA-256 differ.")
        await run_in_threadpool(store.adopt, staged, oid)
    finally:
        staged.unlink(missing_ok=True)
    return Response()


async def lfs_verify(request: Request) -> Response:
    """POST verify: whether the object arrived whole."""
    writable(request)
    body = await read_json(request)
    if request.app.state.store.blob_size(str(body.get("oid"))) != body.get("size"):
        raise HubError(404, "The object was not uploaded.")
    return Json({})


async def commit(request: Request) -> Response:
    """POST commit: one ndjson body, all of it or nothing."""
    repo = writable(request)
    if flag(request, "create_pr"):
        raise HubError(400, "The sandbox has no pull requests: commit to a branch.")
    header, operations = await run_in_threadpool(_parsed, await read_body(request, COMMIT_BODY_CAP))
    made = await run_in_threadpool(
        request.app.state.store.commit,
        repo,
        param(request, "revision"),
        operations,
        title=header["summary"],
        message=header["description"],
        parent=header["parentCommit"],
    )
    url = f"{_web_address(request, repo.kind, repo.id)}/commit/{made.sha}"
    return Json({"success": True, "commitOid": made.sha, "commitUrl": url, "hookOutput": ""})


def _parsed(body: bytes) -> tuple[dict[str, Any], list[Operation]]:
    """Header and operations of a commit body; raises 400 for what is no commit."""
    try:
        lines = [json.loads(line) for line in body.splitlines() if line.strip()]
        items = [(line["key"], line["value"]) for line in lines]
        (key, value), *rest = items
        header = {name: value.get(name) for name in ("summary", "description", "parentCommit")}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HubError(400, "A commit is a header line and operations, one JSON object a line.") from error
    if key != "header" or not isinstance(header["summary"], str) or not header["summary"]:
        raise HubError(400, "A commit starts with a header that has a summary.")
    if header["parentCommit"] is not None and not COMMIT_SHA.fullmatch(str(header["parentCommit"])):
        raise HubError(400, "parentCommit must be a full commit hash.")
    return {**header, "description": str(header["description"] or "")}, list(_operations(rest))


def _operations(items: list[tuple[str, Any]]) -> Iterator[Operation]:
    for item in items:
        match item:
            case ("file", {"path": str(path), "content": str(content), "encoding": "base64"}):
                try:
                    yield Operation("file", path, base64.b64decode(content, validate=True))
                except binascii.Error as error:
                    raise HubError(400, f"The content of {path!r:.80} is not base64.") from error
            case ("file", {"path": str(path), "content": str(content)}):
                yield Operation("file", path, content.encode())
            case ("lfsFile", {"path": str(path), "algo": "sha256", "oid": str(oid)}):
                yield Operation("lfsFile", path, sha256=oid)
            case ("copyFile", {"path": str(path), "srcPath": str(source), **others}):
                yield Operation("copyFile", path, source=source, revision=str(others.get("srcRevision") or ""))
            case ("deletedFile" | "deletedFolder" as key, {"path": str(path)}):
                yield Operation(key, path)
            case (key, _):
                raise HubError(400, f"Not an operation the sandbox knows: {key!r:.80}.")


async def create_tag(request: Request) -> Response:
    """POST tag/{revision}: names a commit; 409 if the name is taken."""
    repo, body = writable(request), await read_json(request)
    store: Store = request.app.state.store
    sha = store.commit_at(repo, param(request, "revision")).sha
    await run_in_threadpool(store.set_ref, repo, "tags", str(body.get("tag")), sha)
    return Json({})


async def create_branch(request: Request) -> Response:
    """POST branch/{name}: starts at `startingPoint`, main if not given; 409 if the name is taken."""
    repo, body = writable(request), await read_json(request)
    store: Store = request.app.state.store
    sha = store.commit_at(repo, str(body.get("startingPoint") or "main")).sha
    await run_in_threadpool(store.set_ref, repo, "branches", param(request, "revision"), sha)
    return Json({})


def delete_tag(request: Request) -> Response:
    """DELETE tag/{name}."""
    request.app.state.store.set_ref(writable(request), "tags", param(request, "revision"), None)
    return Json({})


def delete_branch(request: Request) -> Response:
    """DELETE branch/{name}; main stays."""
    repo, name = writable(request), param(request, "revision")
    if name == "main":
        raise HubError(403, "The main branch cannot be deleted.")
    request.app.state.store.set_ref(repo, "branches", name, None)
    return Json({})
