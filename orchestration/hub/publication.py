"""Publishes files to a dataset repo, or to a static Space, in one commit, reads them back and tags the commit.

Protocol only: what the files mean is the release's business. The branch is always exactly the previous or the next
set of files, because all additions and deletions travel in one commit that names the parent it was made for.
"""

import filecmp
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from orchestration.ground.errors import HubscapeError
from orchestration.ground.text import inert
from orchestration.hub.client import KEPT_BY_THE_HUB, has_content, transfers
from orchestration.hub.session import HubError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

BRANCH = "main"
MANIFEST = "datapackage.json"
_TRIES = 3

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
        HubError: the Hub cannot be reached or refuses, others keep committing at the same time, or what comes back is
            not what was sent: nothing verified was published.
        HubscapeError: the repo is somebody else's, or holds a newer snapshot; nothing was published.
    """
    work_dir.mkdir(parents=True, exist_ok=True)
    with transfers(endpoint, token, repo_id, "published") as api:
        api.create_repo(repo_id, repo_type=kind, space_sdk="static" if kind == "space" else None, exist_ok=True)
        repo = _Repo(api, repo_id, kind, work_dir)
        commit, changed = repo.commit(files, snapshot_date)
        repo.read_back(commit, files)
        repo.tag(commit, tag)
    return Publication(
        repo_id=repo_id,
        url=f"{endpoint}/{kind}s/{repo_id}",
        commit=commit,
        tag=tag,
        changed=changed,
        files=len(files),
        bytes=sum(path.stat().st_size for path in files.values()),
    )


@dataclass(frozen=True)
class _Repo:
    """The repo that is published to."""

    api: "HfApi"
    id: str
    kind: Kind
    work_dir: Path

    def commit(self, files: Mapping[str, Path], snapshot_date: str) -> tuple[str, bool]:
        """The commit that holds the files, and whether it had to be made.

        A refused parent (412) and a reply that was lost are handled alike: look at the branch again and compare.
        """
        import httpx2
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete
        from huggingface_hub.errors import HfHubHTTPError

        for number in range(_TRIES + 1):
            head = self._head()
            remote = self._files(head)
            changed = [path for path, local in files.items() if not _is_same(local, remote.get(path))]
            surplus = sorted(remote.keys() - files.keys() - KEPT_BY_THE_HUB)
            if not changed and not surplus:
                return head, number > 0
            if number == _TRIES:
                break
            self._refuse_foreign(remote)
            self._refuse_newer(head, remote, snapshot_date)
            operations = [CommitOperationAdd(path, files[path]) for path in sorted(changed)]
            operations += [CommitOperationDelete(path) for path in surplus]
            words = {"commit_message": f"Snapshot {snapshot_date}", "repo_type": self.kind, "revision": BRANCH}
            try:
                self.api.create_commit(self.id, operations, parent_commit=head, **words)
            except HfHubHTTPError as error:
                if error.response.status_code != 412 and error.response.status_code < 500:
                    raise
            except httpx2.TransportError:
                pass  # the commit may have landed: the next look at the branch tells
        raise HubError(
            f"{self.id} did not take the commit in {_TRIES} tries (others may be committing): "
            "nothing was published; run again."
        )

    def _head(self) -> str:
        return self.api.repo_info(self.id, repo_type=self.kind, revision=BRANCH).sha

    def _files(self, revision: str) -> dict[str, Any]:
        from huggingface_hub.hf_api import RepoFile

        tree = self.api.list_repo_tree(self.id, repo_type=self.kind, revision=revision, recursive=True)
        return {entry.path: entry for entry in tree if isinstance(entry, RepoFile)}

    def _refuse_foreign(self, remote: Mapping[str, Any]) -> None:
        """A publication owns its repo and deletes what it does not release: never from somebody else's repo."""
        others = remote.keys() - KEPT_BY_THE_HUB - {"README.md"}
        if others and MANIFEST not in remote:
            raise HubscapeError(
                f"{self.id} holds files that were not published from here, such as {sorted(others)[0]!r}: nothing was "
                "published; name a new repo."
            )

    def _refuse_newer(self, head: str, remote: Mapping[str, Any], snapshot_date: str) -> None:
        if MANIFEST not in remote:
            return
        with TemporaryDirectory(dir=self.work_dir) as folder:
            path = self.api.hf_hub_download(self.id, MANIFEST, repo_type=self.kind, revision=head, local_dir=folder)
            published = json.loads(Path(path).read_text()).get("snapshot_date", "")
        if published > snapshot_date:
            raise HubscapeError(
                f"{self.id} already holds snapshot {inert(published, 40)}, newer than {snapshot_date}: nothing was "
                "published; publish older snapshots to another repo."
            )

    def read_back(self, commit: str, files: Mapping[str, Path]) -> None:
        """Downloads the pinned commit into an empty folder, so that no cache can answer, and compares every byte."""
        with TemporaryDirectory(dir=self.work_dir) as made:
            folder, at = Path(made), f"{self.id} at {commit[:7]}"
            self.api.snapshot_download(self.id, repo_type=self.kind, revision=commit, local_dir=folder)
            shutil.rmtree(folder / ".cache", ignore_errors=True)  # the client's own bookkeeping
            found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
            if found - KEPT_BY_THE_HUB != files.keys():
                raise HubError(f"{at} holds other files than were sent: look at the repo.")
            for name, local in files.items():
                if not filecmp.cmp(folder / name, local, shallow=False):
                    raise HubError(f"{name} of {at} came back with other bytes: look at the repo.")
        if self._head() != commit:
            raise HubError(f"Somebody else has committed to {self.id} meanwhile: run again.")

    def tag(self, commit: str, tag: str) -> None:
        """Names the commit, instead of another of that day: the tag follows the newest release of a day."""
        tags = {ref.name: ref.target_commit for ref in self.api.list_repo_refs(self.id, repo_type=self.kind).tags}
        if tags.get(tag) == commit:
            return
        if tag in tags:
            self.api.delete_tag(self.id, tag=tag, repo_type=self.kind)
        self.api.create_tag(self.id, tag=tag, revision=commit, repo_type=self.kind)


def _is_same(local: Path, remote: Any | None) -> bool:
    if remote is None:
        return False
    return has_content(local, remote.size, remote.lfs.sha256 if remote.lfs else None, remote.blob_id)
