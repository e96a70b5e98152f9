"""README.md and docs: what they take from the code is the code's, every table is in them, and README.md stays short."""

import re

import pytest
from cogapp import Cog

from tests.support import PROJECT

README = PROJECT / "README.md"
DOCUMENTS = [README, *sorted((PROJECT / "docs").glob("*.md"))]
WITH_SNIPPETS = [path for path in DOCUMENTS if "[[[cog" in path.read_text()]
MOST_WORDS = 1500


def read(text: str) -> str:
    """A document as people see it: without comments."""
    return re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("path", WITH_SNIPPETS, ids=lambda path: path.name)
def test_what_a_document_takes_from_the_code_is_the_codes(path, monkeypatch):
    monkeypatch.chdir(PROJECT)
    text = path.read_text()
    emptied = re.sub(r"(?<=\n\]\]\] -->\n).*?(?=<!-- \[\[\[end)", "", text, flags=re.DOTALL)
    assert len(emptied) < len(text)
    assert Cog().process_string(emptied) == text, "stale: run `make documents`"


def test_each_published_table_is_in_the_readme_and_in_the_picture(manifest):
    rows = re.findall(r"\[`(\w+)`\]\(docs/data_dictionary", read(README.read_text()))
    picture = read((PROJECT / "docs" / "architecture.md").read_text()).split("```mermaid")[1].split("```")[0]
    drawn = re.findall(r"<br/>(\w+)", picture)
    nodes = manifest["nodes"].values()
    published = [n["name"] for n in nodes if n["resource_type"] == "model" and n["config"]["meta"].get("publish")]
    assert sorted(rows) == sorted(drawn) == sorted(published)


def test_the_readme_can_be_read_in_minutes():
    prose = re.sub(r"^ *```.*?^ *```$", "", read(README.read_text()), flags=re.MULTILINE | re.DOTALL)
    prose = re.sub(r"!?\[([^]]*)\]\([^)]*\)", r"\1", prose)  # a link is read by its text
    assert len([word for word in prose.split() if re.search(r"\w", word)]) <= MOST_WORDS
