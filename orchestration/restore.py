"""Takes up the history of a published dataset on this machine: its newest release becomes a local one.

A release holds all earlier snapshots, so one is enough for the next run to go on exactly as on the machine it came
from.
"""

import tempfile
from pathlib import Path

from orchestration.hub.client import TransferError
from orchestration.hub.retrieval import Retrieval, retrieve
from orchestration.release.audit import AuditError, require_intact
from orchestration.release.build import release_dir, sweep
from orchestration.release.datapackage import DataPackage, DataPackageError, read_datapackage, sha256_of
from orchestration.release.export import fsync
from orchestration.resources import sandbox_process
from orchestration.run import RunFailed, only_run
from orchestration.settings import Settings


class RestoreError(RuntimeError):
    """Nothing was restored; the text says why and what to do."""


def restore(settings: Settings, repo_id: str, revision: str) -> tuple[DataPackage, Retrieval]:
    """Fetches a published release, verifies its bytes against its own manifest and puts it among the local releases.

    Args:
        settings: where the Hub is and where releases lie.
        repo_id: the published dataset, `owner/name`.
        revision: branch, tag or commit of it.

    Returns:
        The manifest of the release and the commit it was fetched from. A release that lies here already, byte for
        byte, is left as it is.

    Raises:
        RestoreError: the Hub or the release cannot be used, or another release of the same snapshot lies here.
    """
    if not repo_id:
        raise RestoreError("There is no dataset to restore from: name one with --repo or HUBSCAPE_PUBLISH_REPO.")
    try:
        with only_run(settings.data_dir):
            sweep(settings.data_dir / "release")
            if settings.starts_sandbox:
                with sandbox_process(settings) as endpoint:
                    return _restore(settings, repo_id, revision, endpoint)
            return _restore(settings, repo_id, revision, settings.hub_endpoint)
    except (TransferError, RunFailed, AuditError, DataPackageError) as error:
        raise RestoreError(str(error)) from None


def _restore(settings: Settings, repo_id: str, revision: str, endpoint: str) -> tuple[DataPackage, Retrieval]:
    work = settings.data_dir / "tmp"
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="restore-", dir=work) as folder:
        fetched = Path(folder) / "release"
        found = retrieve(repo_id, revision, endpoint=endpoint, token=settings.hub_token, folder=fetched)
        package = read_datapackage(fetched)
        named = fetched.rename(fetched.with_name(package.snapshot_date.isoformat()))
        require_intact(named)
        _place(named, release_dir(settings.data_dir, package.snapshot_date))
    return package, found


def _place(fetched: Path, final: Path) -> None:
    if final.exists():
        if sha256_of(final / "datapackage.json") == sha256_of(fetched / "datapackage.json"):
            return
        raise RestoreError(
            f"Another release of {final.name} lies in {final}: remove it, or restore into another HUBSCAPE_DATA_DIR."
        )
    final.parent.mkdir(parents=True, exist_ok=True)
    for path in fetched.rglob("*"):
        fsync(path)
    fetched.rename(final)
    fsync(final.parent)
