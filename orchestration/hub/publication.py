"""Publishes files to a dataset repo, or to a static Space, in one commit, reads them back and tags the commit.

Protocol only: what the files mean is the release's business. The branch is always exactly the previous or the next
set of files, because all additions and deletions travel in one commit that names the parent it was made for.
"""

import filecmp
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from orchestration.hub.client import KEPT_BY_THE_HUB, TransferError, bounded_client, client_errors, has_content

if TYPE_CHECKING:
    from huggingface_hub import HfApi

BRANCH = "main"
MANIFEST = "datapackage.json"
_TRIES = 3


class PublicationError(TransferError):
    """Nothing, or nothing verified, was published; the text says why and what to do."""


Kind = Literal["dataset", "space"]


@dataclass(frozen=True)
class Publication:
    """A verified publication: the commit that holds exactly the files, and the tag that names it."""

    repo_id: str
    url: str
    commit: str
    tag: str
    changed: bool
    files: int
    bytes: int


def publish(
    files: Mapping[str, Path],
    *,
    repo_id: str,
    tag: str,
    snapshot_date: str,
    endpoint: str,
    token: str | None,
    work_dir: Path,
    kind: Kind = "dataset",
) -> Publication:
    """Makes a repo's main branch hold exactly `files` (path in repo -> local file), verified by a fresh download.

    A new Space is a static one, which shows `index.html`. `work_dir` is where downloads lie while they are compared.

    Unchanged files make no commit. The tag is set last, on the commit that was read back.

    Raises:
        PublicationError: the Hub cannot be reached or refuses, a newer snapshot is published already, others keep
            committing at the same time, or what comes back is not what was sent.
    """
    with bounded_client(endpoint, token) as api:
        try:
            sdk = "static" if kind == "space" else None
            api.create_repo(repo_id, repo_type=kind, space_sdk=sdk, exist_ok=True)
            commit, changed = _commit(api, repo_id, kind, files, snapshot_date, work_dir)
            _read_back(api, repo_id, kind, commit, files, work_dir)
            _tag(api, repo_id, kind, commit, tag)
        except PublicationError:
            raise
        except TransferError as error:
            raise PublicationError(str(error)) from None
        except client_errors() as error:
            # Their own texts may quote headers, and Dagster keeps whole chains, so the chain ends here.
            raise PublicationError(_sentence(error, repo_id, endpoint)) from None
    return Publication(
        repo_id=repo_id,
        url=f"{endpoint}/{kind}s/{repo_id}",
        commit=commit,
        tag=tag,
        changed=changed,
        files=len(files),
        bytes=sum(path.stat().st_size for path in files.values()),
    )


def _commit(
    api: "HfApi", repo_id: str, kind: Kind, files: Mapping[str, Path], snapshot_date: str, work_dir: Path
) -> tuple[str, bool]:
    """The commit that holds the files, and whether it had to be made.

    A refused parent (412) and a reply that was lost are handled alike: look at the branch again and compare.
    """
    import httpx2
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete
    from huggingface_hub.errors import HfHubHTTPError

    made = False
    for _ in range(_TRIES):
        head = _head(api, repo_id, kind)
        remote = _remote_files(api, repo_id, kind, head)
        changed = [path for path, local in files.items() if not _is_same(local, remote.get(path))]
        surplus = sorted(remote.keys() - files.keys() - KEPT_BY_THE_HUB)
        if not changed and not surplus:
            return head, made
        _refuse_foreign(repo_id, remote)
        _refuse_older(api, repo_id, kind, head, remote, snapshot_date, work_dir)
        operations = [CommitOperationAdd(path, files[path]) for path in sorted(changed)]
        operations += [CommitOperationDelete(path) for path in surplus]
        try:
            api.create_commit(
                repo_id,
                operations,
                repo_type=kind,
                revision=BRANCH,
                parent_commit=head,
                commit_message=f"Snapshot {snapshot_date}",
            )
        except HfHubHTTPError as error:
            if error.response.status_code != 412 and error.response.status_code < 500:
                raise
        except httpx2.TransportError:
            pass  # the commit may have landed: the next look at the branch tells
        made = True
    head = _head(api, repo_id, kind)
    remote = _remote_files(api, repo_id, kind, head)
    if remote.keys() - KEPT_BY_THE_HUB == files.keys() and all(
        _is_same(local, remote[path]) for path, local in files.items()
    ):
        return head, True
    raise PublicationError(
        f"{repo_id} did not take the commit in {_TRIES} tries (others may be committing): "
        "nothing was published; run again."
    )


def _head(api: "HfApi", repo_id: str, kind: Kind) -> str:
    return api.repo_info(repo_id, repo_type=kind, revision=BRANCH).sha


def _remote_files(api: "HfApi", repo_id: str, kind: Kind, revision: str) -> dict[str, Any]:
    from huggingface_hub.hf_api import RepoFile

    tree = api.list_repo_tree(repo_id, repo_type=kind, revision=revision, recursive=True)
    return {entry.path: entry for entry in tree if isinstance(entry, RepoFile)}


def _is_same(local: Path, remote: Any | None) -> bool:
    if remote is None:
        return False
    return has_content(local, remote.size, remote.lfs.sha256 if remote.lfs else None, remote.blob_id)


def _refuse_foreign(repo_id: str, remote: Mapping[str, Any]) -> None:
    """A publication owns its repo and deletes what it does not release: never from somebody else's repo."""
    others = remote.keys() - KEPT_BY_THE_HUB - {"README.md"}
    if others and MANIFEST not in remote:
        raise PublicationError(
            f"{repo_id} holds files that were not published from here, such as {sorted(others)[0]!r}: nothing was "
            "published; name a new repo."
        )


def _refuse_older(
    api: "HfApi", repo_id: str, kind: Kind, head: str, remote: Mapping[str, Any], snapshot_date: str, work_dir: Path
) -> None:
    if MANIFEST not in remote:
        return
    with _fresh_folder(work_dir) as folder:
        path = api.hf_hub_download(repo_id, MANIFEST, repo_type=kind, revision=head, local_dir=folder)
        published = json.loads(Path(path).read_text()).get("snapshot_date", "")
    if published > snapshot_date:
        raise PublicationError(
            f"{repo_id} already holds snapshot {published}, newer than {snapshot_date}: nothing was published; "
            "publish older snapshots to another repo."
        )


def _read_back(api: "HfApi", repo_id: str, kind: Kind, commit: str, files: Mapping[str, Path], work_dir: Path) -> None:
    """Downloads the pinned commit into an empty folder, so that no cache can answer, and compares every byte."""
    with _fresh_folder(work_dir) as folder:
        api.snapshot_download(repo_id, repo_type=kind, revision=commit, local_dir=folder)
        shutil.rmtree(folder / ".cache", ignore_errors=True)  # the client's own bookkeeping
        found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - KEPT_BY_THE_HUB
        if found != files.keys():
            raise PublicationError(f"{repo_id} at {commit[:7]} holds other files than were sent: look at the repo.")
        for name, local in files.items():
            if not filecmp.cmp(folder / name, local, shallow=False):
                raise PublicationError(
                    f"{name} of {repo_id} at {commit[:7]} came back with other bytes: look at the repo."
                )
    if _head(api, repo_id, kind) != commit:
        raise PublicationError(f"Somebody else has committed to {repo_id} meanwhile: run again.")


def _tag(api: "HfApi", repo_id: str, kind: Kind, commit: str, tag: str) -> None:
    tags = {ref.name: ref.target_commit for ref in api.list_repo_refs(repo_id, repo_type=kind).tags}
    if tags.get(tag) == commit:
        return
    if tag in tags:  # the same day was made again: the tag follows the newest release of that day
        api.delete_tag(repo_id, tag=tag, repo_type=kind)
    api.create_tag(repo_id, tag=tag, revision=commit, repo_type=kind)


@contextmanager
def _fresh_folder(work_dir: Path) -> Iterator[Path]:
    work_dir.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="read-back-", dir=work_dir))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _sentence(error: Exception, repo_id: str, endpoint: str) -> str:
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        if status in {401, 403}:
            return (
                f"{endpoint} refused to let {repo_id} be written (HTTP {status}): "
                "set HF_TOKEN to a token that may write it."
            )
        return f"{endpoint} answered HTTP {status} while {repo_id} was being published: run again."
    if isinstance(error, httpx2.TransportError):
        return f"{endpoint} could not be reached while {repo_id} was being published: run again when it is."
    reason = getattr(error, "strerror", None) or type(error).__name__
    return f"Publishing {repo_id} to {endpoint} failed ({reason}): mend that and run again."
