"""How a release is cited: CITATION.cff (citation-file-format.github.io), a pure function of day and repo."""

import datetime as dt

import yaml

FILE_NAME = "CITATION.cff"


def render_citation(snapshot_date: dt.date, repo_id: str) -> str:
    """The file's text; `repo_id` names the dataset on the Hub, and may be empty."""
    facts = {
        "cff-version": "1.2.0",
        "message": "If you use a number of this dataset, cite the snapshot that it is of, and its definition.",
        "type": "dataset",
        "title": f"Hubscape: the open-source AI ecosystem, snapshot of {snapshot_date}",
        "authors": [{"name": "The Hubscape maintainers"}],
        "version": f"snapshot-{snapshot_date}",
        "date-released": snapshot_date.isoformat(),
        "license": "CC-BY-4.0",
    }
    if repo_id:
        facts["repository-artifact"] = f"https://huggingface.co/datasets/{repo_id}"
    return yaml.safe_dump(facts, sort_keys=False, allow_unicode=True, width=1000)
