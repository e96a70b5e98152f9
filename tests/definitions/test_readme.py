"""README.md: its rendered parts are those of the manifest."""

import re

from orchestration.dbt import MANIFEST
from orchestration.release.readme import render_readme
from tests.support import PROJECT

README = PROJECT / "README.md"


def test_the_picture_and_the_table_of_the_marts_are_those_of_the_manifest():
    text = README.read_text()
    assert render_readme(text, MANIFEST) == text, "run `make dictionary`"
    assert render_readme(text.replace("| [`fct_papers`]", "| [`fct_paper`]", 1), MANIFEST) == text


def test_each_published_table_is_in_the_picture_and_in_the_table():
    text = README.read_text()
    rows = re.findall(r"^\| \[`(\w+)`\]", text, re.MULTILINE)
    drawn = re.findall(r"(?:<br/>)(\w+)", text.split("```mermaid")[1].split("```")[0])
    assert sorted(rows) == sorted(drawn)
    assert len(rows) == len(set(rows)) > 20
