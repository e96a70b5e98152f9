"""The dataset card: README.md of the published repo, a pure function of the datapackage.

Because of that an audit can render it again and compare: no number on the card comes from anywhere else.
"""

import re
from pathlib import Path

import jinja2
import yaml

from orchestration.release.datapackage import DataPackage, RawSource

FILE_NAME = "README.md"
DEFAULT_TABLE = "fct_organization_snapshots"

# Whatever starts markup, a table cell, a link, a mention or a template. An underscore inside a word starts nothing.
_MARKUP = re.compile(r"[\\`*{}\[\]#|<>&~$@]|:(?=//)|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")


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
    environment.filters["inert"] = inert
    environment.filters["thousands"] = "{:,}".format
    body = environment.get_template("card.md.j2").render(package=package, verdicts=_verdicts(package), reading=_reading)
    return f"---\n{_front_matter(package)}---\n{body}"


def inert(value: object, longest: int = 200) -> str:
    """Text that stays text wherever Markdown or HTML is rendered: one line, escaped, at most `longest` characters.

    What a source says of itself is kept short; what our own documentation says is shown whole.
    """
    line = " ".join(str(value).split())[:longest]
    printable = "".join(character if character.isprintable() else "�" for character in line)
    return _MARKUP.sub(lambda match: f"&#{ord(match[0])};", printable)


def _reading(source: RawSource) -> str:
    """How much of a raw table was read for the snapshot."""
    if source.source_commit:
        return f"whole, at commit {source.source_commit[:7]}"
    return f"changes, over the whole crawl of {source.full_crawl_date}" if source.full_crawl_date else "whole"


def _front_matter(package: DataPackage) -> str:
    names = [resource.name for resource in package.resources]
    default = DEFAULT_TABLE if DEFAULT_TABLE in names else names[0]
    tags = ["hugging-face-hub", "open-source-ai", "model-lineage", "statistics"]
    return yaml.safe_dump(
        {
            "license": "cc-by-4.0",
            "pretty_name": "Hubscape",
            "language": ["en"],
            "tags": [*tags, "synthetic"] if package.synthetic else tags,
            "configs": [
                {"config_name": resource.name, "data_files": resource.path}
                | ({"default": True} if resource.name == default else {})
                for resource in package.resources
            ],
        },
        sort_keys=False,
    )


def _verdicts(package: DataPackage) -> dict[str, int]:
    counted = {"passed": 0, "warned": 0, "failed": 0}
    for check in package.checks:
        counted[check.verdict] += 1
    return counted
