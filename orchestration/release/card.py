"""The dataset card: README.md of the published repo, a pure function of the datapackage.

Because of that an audit can render it again and compare: no number on the card comes from anywhere else.
"""

from collections import Counter
from pathlib import Path, PurePosixPath

import jinja2
import yaml

from orchestration.ground.text import for_markdown
from orchestration.release.datapackage import DataPackage, RawSource, Resource

FILE_NAME = "README.md"
DEFINITIONS = "DEFINITIONS.md"
DEFAULT_TABLE = "fct_organization_snapshots"


def render_card(package: DataPackage) -> str:
    """The card's text, front matter first (a viewer finds it only where nothing stands before `---`)."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown, not HTML: the filter `inert` does both
    )
    environment.filters["inert"] = for_markdown
    environment.filters["thousands"] = "{:,}".format
    default = _default(package)
    body = environment.get_template("card.md.j2").render(
        package=package,
        repo=package.repo_id or "OWNER/NAME",
        tag=f"snapshot-{package.snapshot_date}",
        default=default.name,
        default_path=default.path,
        layers=_layers(package),
        warned=[check for check in package.checks if check.verdict == "warned"],
        reading=_reading,
        charts=[file for file in package.files if file.path.endswith(".png")],
        report=next((file.path for file in package.files if file.path.endswith(".html")), ""),
        definitions=DEFINITIONS,
    )
    return f"---\n{_front_matter(package)}---\n{body}"


def _reading(source: RawSource) -> str:
    """How much of a raw table was read for the snapshot."""
    if source.source_commit:
        return f"whole, at commit {source.source_commit[:7]}"
    return f"changes, over the whole crawl of {source.full_crawl_date}" if source.full_crawl_date else "whole"


def _default(package: DataPackage) -> Resource:
    """The table that a reader gets who names none."""
    wanted = [resource for resource in package.resources if resource.name == DEFAULT_TABLE]
    return [*wanted, *package.resources][0]


def _front_matter(package: DataPackage) -> str:
    tags = ["hugging-face-hub", "open-source-ai", "model-lineage", "statistics"]
    return yaml.safe_dump(
        {
            "license": "cc-by-4.0",
            "pretty_name": "Hubscape",
            "language": ["en"],
            "tags": [*tags, "synthetic"] if package.synthetic else tags,
            "configs": [
                {"config_name": resource.name, "data_files": [{"split": "train", "path": _files(resource)}]}
                | ({"default": True} if resource == _default(package) else {})
                for resource in package.resources
            ],
        },
        sort_keys=False,
    )


def _files(resource: Resource) -> str:
    """The pattern of a table's files."""
    return f"{PurePosixPath(resource.path).parent}/*.parquet"


def _layers(package: DataPackage) -> list[dict[str, object]]:
    """How many checks of each layer passed, warned and failed, in the order in which the layers are made."""
    counted = Counter((check.layer, check.verdict) for check in package.checks)
    return [
        {"name": layer} | {verdict: counted[layer, verdict] for verdict in ("passed", "warned", "failed")}
        for layer in dict.fromkeys(check.layer for check in package.checks)
    ]
