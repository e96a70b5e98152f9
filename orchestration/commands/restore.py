"""Takes up the history of a published dataset on this machine: its newest release becomes a local one.

A release holds all earlier snapshots, so one is enough for the next run to go on exactly as on the machine it came
from.
"""

from pathlib import Path

from orchestration.commands.published import fetched, require_dataset
from orchestration.commands.run import only_run
from orchestration.crawl.source import open_hub
from orchestration.ground.errors import HubscapeError
from orchestration.ground.files import fsync, put_in_place, sha256_of
from orchestration.hub.retrieval import commit_of
from orchestration.release.build import release_dir, sweep
from orchestration.release.datapackage import DataPackage, read_datapackage
from orchestration.settings import Settings


def restore(settings: Settings, revision: str) -> tuple[DataPackage, str]:
    """Fetches a release that the settings' dataset has at a branch, tag or commit and puts it among the local ones.

    Returns its manifest and the commit it was fetched from; one that lies here already, byte for byte, is left alone.

    Raises:
        HubscapeError: the Hub or the release cannot be used, or another release of the same snapshot lies here.
    """
    repo_id = require_dataset(settings, "restore from")
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
