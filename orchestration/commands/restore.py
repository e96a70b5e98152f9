"""Takes up the history of a published dataset on this machine: its newest release becomes a local one.

A release holds all earlier snapshots, so one is enough for the next run to go on exactly as on the machine it came
from.
"""

from pathlib import Path

from orchestration.commands.published import FAILURES, fetched
from orchestration.commands.run import RunFailed, only_run
from orchestration.crawl.source import open_hub
from orchestration.hub.retrieval import Retrieval
from orchestration.release.build import release_dir, sweep
from orchestration.release.datapackage import DataPackage, read_datapackage, sha256_of
from orchestration.release.export import fsync
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
            with open_hub(settings) as hub:
                return _restore(settings, repo_id, revision, hub.endpoint)
    except (*FAILURES, RunFailed) as error:
        raise RestoreError(str(error)) from None


def _restore(settings: Settings, repo_id: str, revision: str, endpoint: str) -> tuple[DataPackage, Retrieval]:
    with fetched(settings, repo_id, revision, endpoint) as (folder, found):
        package = read_datapackage(folder)
        _place(folder, release_dir(settings.data_dir, package.snapshot_date))
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
