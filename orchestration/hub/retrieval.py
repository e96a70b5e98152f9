"""Fetches a published dataset repo, whole and pinned to one commit, into an empty folder.

Protocol only: what the files mean is the release's business.
"""

import shutil
from pathlib import Path

from orchestration.hub.client import KEPT_BY_THE_HUB, transfers


def commit_of(repo_id: str, revision: str, *, endpoint: str, token: str | None) -> str:
    """The commit that a branch, tag or shortened commit of a dataset repo names.

    Raises:
        HubError: the repo or the revision does not exist, or the Hub cannot be reached or refuses.
    """
    with transfers(endpoint, token, repo_id, "fetched", revision) as api:
        return str(api.dataset_info(repo_id, revision=revision).sha)


def retrieve(repo_id: str, commit: str, *, endpoint: str, token: str | None, folder: Path) -> None:
    """Fills `folder`, which is made, with the files of a dataset repo at a commit.

    Raises:
        HubError: as `commit_of`.
    """
    with transfers(endpoint, token, repo_id, "fetched", commit) as api:
        # A folder of its own, so that no cache can answer for a Hub that is down.
        api.snapshot_download(repo_id, repo_type="dataset", revision=commit, local_dir=folder)
    shutil.rmtree(folder / ".cache", ignore_errors=True)  # the client's own bookkeeping
    for name in KEPT_BY_THE_HUB:
        (folder / name).unlink(missing_ok=True)
