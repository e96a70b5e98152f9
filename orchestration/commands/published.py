"""Releases of a published dataset on this machine: fetched whole, verified against their own manifest, kept by commit.

Not here: how files travel (hub.retrieval), and how one becomes a local release (restore).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestration.crawl.source import open_hub
from orchestration.ground.errors import HubscapeError
from orchestration.ground.files import scratch_folder
from orchestration.hub.retrieval import commit_of, retrieve
from orchestration.release.audit import require_intact
from orchestration.release.datapackage import DataPackage, read_datapackage
from orchestration.settings import Settings

_COMMIT = re.compile(r"[0-9a-f]{40}")


@contextmanager
def fetched(settings: Settings, repo_id: str, commit: str, endpoint: str) -> Iterator[Path]:
    """A published release, in a folder that goes with the block unless it is moved.

    Raises:
        HubError: the commit does not exist, or the Hub cannot be reached or refuses.
        HubscapeError: what was fetched is no release of this version, or has other files than its manifest lists.
    """
    with scratch_folder(settings.data_dir, "fetch-") as folder:
        release = folder / "release"
        retrieve(repo_id, commit, endpoint=endpoint, token=settings.hub_token, folder=release)
        named = release.rename(release.with_name(read_datapackage(release).snapshot_date.isoformat()))
        require_intact(named)
        yield named


def require_dataset(settings: Settings, deed: str) -> str:
    """The published dataset that the settings name, `owner/name`; `deed` is what is to be done with it.

    Raises:
        HubscapeError: they name none.
    """
    if not settings.publish_to:
        raise HubscapeError(f"There is no dataset to {deed}: name one with --repo or HUBSCAPE_PUBLISH_REPO.")
    return settings.publish_to


def published_release(settings: Settings, revision: str) -> tuple[Path, DataPackage]:
    """Folder and manifest of a published release, fetched where its commit is not in the cache of the data folder yet.

    The revision is a branch, tag or commit of it. A full commit that is in the cache needs no Hub.

    Raises:
        HubError: the repo or the revision does not exist, or the Hub cannot be reached or refuses.
        HubscapeError: there is no dataset, or as `fetched`.
    """
    repo_id = require_dataset(settings, "ask")
    cache = settings.data_dir / "cache" / "published" / repo_id.replace("/", "--")
    if _COMMIT.fullmatch(revision) and (kept := _kept(cache / revision)):
        return kept
    with open_hub(settings) as hub:
        commit = commit_of(repo_id, revision, endpoint=hub.endpoint, token=settings.hub_token)
        if kept := _kept(cache / commit):
            return kept
        with fetched(settings, repo_id, commit, hub.endpoint) as folder:
            final = cache / commit / folder.name
            final.parent.mkdir(parents=True, exist_ok=True)
            if not final.exists():  # another process may have been faster
                folder.rename(final)
    return final, read_datapackage(final)


def _kept(folder: Path) -> tuple[Path, DataPackage] | None:
    """The one release in a folder of the cache, which was verified before it came there."""
    return next(((release, read_datapackage(release)) for release in folder.glob("[0-9]*")), None)
