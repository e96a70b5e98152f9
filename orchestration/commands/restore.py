"""Takes up the history of a published dataset on this machine: its newest release becomes a local one.

A release holds all earlier snapshots, so one is enough for the next run to go on exactly as on the machine it came
from.
"""

from pathlib import Path

from orchestration.commands.published import fetched
from orchestration.commands.run import only_run
from orchestration.crawl.source import open_hub
from orchestration.ground.errors import HubscapeError
from orchestration.ground.files import fsync, put_in_place, sha256_of
from orchestration.hub.retrieval import commit_of
from orchestration.release.build import release_dir, sweep
from orchestration.release.datapackage import DataPackage, read_datapackage
from orchestration.settings import Settings


def restore(settings: Settings, repo_id: str, revision: str) -> tuple[DataPackage, str]:
    """Fetches a published release, verifies its bytes against its own manifest and puts it among the local releases.

    Args:
        settings: where the Hub is and where releases lie.
        repo_id: the published dataset, `owner/name`.
        revision: branch, tag or commit of it.

    Returns:
        The manifest of the release and the commit it was fetched from. A release that lies here already, byte for
        byte, is left as it is.

    Raises:
        HubscapeError: the Hub or the release cannot be used, or another release of the same snapshot lies here.
    """
    if not repo_id:
        raise HubscapeError("There is no dataset to restore from: name one with --repo or HUBSCAPE_PUBLISH_REPO.")
    with only_run(settings.data_dir), open_hub(settings) as hub:
        sweep(settings.data_dir / "release")
        commit = commit_of(repo_id, revision, endpoint=hub.endpoint, token=settings.hub_token)
        with fetched(settings, repo_id, commit, hub.endpoint) as folder:
            package = read_datapackage(folder)
            _place(folder, release_dir(settings.data_dir, package.snapshot_date))
    return package, commit


def _place(fetched: Path, final: Path) -> None:
    if final.exists():
        if sha256_of(final / "datapackage.json") == sha256_of(fetched / "datapackage.json"):
            return
        raise HubscapeError(
            f"Another release of {final.name} lies in {final}: remove it, or restore into another HUBSCAPE_DATA_DIR."
        )
    final.parent.mkdir(parents=True, exist_ok=True)
    for path in fetched.rglob("*"):
        fsync(path)
    put_in_place(fetched, final)
