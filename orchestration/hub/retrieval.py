"""Fetches a published dataset repo, whole and pinned to one commit, into an empty folder.

Protocol only: what the files mean is the release's business.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.hub.client import KEPT_BY_THE_HUB, TransferError, bounded_client, client_errors

if TYPE_CHECKING:
    from huggingface_hub import HfApi


class RetrievalError(TransferError):
    """Nothing was fetched; the text says why and what to do."""


@dataclass(frozen=True)
class Retrieval:
    """What was fetched: the repo, and the commit that its files are of."""

    repo_id: str
    commit: str


def commit_of(repo_id: str, revision: str, *, endpoint: str, token: str | None) -> str:
    """The commit that a branch, tag or shortened commit of a dataset repo names.

    Raises:
        RetrievalError: the repo or the revision does not exist, or the Hub cannot be reached or refuses.
    """
    with _reading(repo_id, revision, endpoint, token) as api:
        return str(api.dataset_info(repo_id, revision=revision).sha)


def retrieve(repo_id: str, revision: str, *, endpoint: str, token: str | None, folder: Path) -> Retrieval:
    """Fills `folder`, which is made, with the files of a dataset repo at a branch, tag or commit.

    Raises:
        RetrievalError: the repo or the revision does not exist, or the Hub cannot be reached or refuses.
    """
    with _reading(repo_id, revision, endpoint, token) as api:
        commit = api.dataset_info(repo_id, revision=revision).sha
        # A folder of its own, so that no cache can answer for a Hub that is down.
        api.snapshot_download(repo_id, repo_type="dataset", revision=commit, local_dir=folder)
    shutil.rmtree(folder / ".cache", ignore_errors=True)  # the client's own bookkeeping
    for name in KEPT_BY_THE_HUB:
        (folder / name).unlink(missing_ok=True)
    return Retrieval(repo_id, str(commit))


@contextmanager
def _reading(repo_id: str, revision: str, endpoint: str, token: str | None) -> Iterator["HfApi"]:
    with bounded_client(endpoint, token) as api:
        try:
            yield api
        except TransferError as error:
            raise RetrievalError(str(error)) from None
        except client_errors() as error:
            # Their own texts may quote headers, so the chain ends here.
            raise RetrievalError(_sentence(error, repo_id, revision, endpoint)) from None


def _sentence(error: Exception, repo_id: str, revision: str, endpoint: str) -> str:
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

    if isinstance(error, RevisionNotFoundError):
        return f"{repo_id} at {endpoint} has no revision {revision}: name a branch, a tag or a commit of it."
    if isinstance(error, RepositoryNotFoundError):
        return f"There is no dataset {repo_id} at {endpoint} that this token may read: check the name and HF_TOKEN."
    if isinstance(error, HfHubHTTPError):
        return f"{endpoint} answered HTTP {error.response.status_code} while {repo_id} was being fetched: run again."
    if isinstance(error, httpx2.TransportError):
        return f"{endpoint} could not be reached while {repo_id} was being fetched: run again when it is."
    reason = getattr(error, "strerror", None) or type(error).__name__
    return f"Fetching {repo_id} from {endpoint} failed ({reason}): mend that and run again."
