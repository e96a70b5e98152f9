"""Nothing that people type is without a description, and the reference has all of it."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import typer

from orchestration.cli import app
from tests.words import targets, variables

PROJECT = Path(__file__).resolve().parents[2]
REFERENCE = PROJECT / "docs" / "reference.md"
DOCUMENTS = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
# Not settings: what tests read, and Dagster's and the Hub client's own.
OF_TESTS = {"HUBSCAPE_RECORDED_DIR", "HUBSCAPE_UPDATE_GRAPH"}


def test_every_command_option_and_argument_has_a_description():
    for command in typer.main.get_command(app).commands.values():
        assert command.help, f"hubscape {command.name} does not say what it does"
        for word in command.params:
            assert getattr(word, "help", None), f"{word.name} of hubscape {command.name} is not described"


def test_every_variable_has_a_description_of_its_own():
    texts = {name: field.description for name, field in variables().items()}
    assert [name for name, text in texts.items() if not text or not text.endswith(".")] == []
    assert len(set(texts.values())) == len(texts)


def test_every_make_target_has_a_description():
    text = (PROJECT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)[1].split()
    assert sorted(targets()) == sorted(phony)


def test_the_reference_has_every_command_option_variable_and_target():
    text = re.sub(r"<!--.*?-->", "", REFERENCE.read_text(), flags=re.DOTALL)
    commands = typer.main.get_command(app).commands
    sections = dict(re.findall(r"^### `hubscape (\w+)`$(.*?)(?=^##)", text, re.MULTILINE | re.DOTALL))
    assert sections.keys() == commands.keys()
    for name, command in commands.items():
        words = {word.name if word.param_type_name == "argument" else word.opts[0]: word for word in command.params}
        shown = {word for word in words if re.search(rf"^\* `{word}\b.*`: \w", sections[name], re.MULTILINE)}
        assert shown == {spelling for spelling, word in words.items() if not getattr(word, "hidden", False)}
    assert set(re.findall(r"^\| `(H\w+)` \|", text, re.MULTILINE)) == variables().keys()
    assert set(re.findall(r"^\| `make ([a-z-]+)` \|", text, re.MULTILINE)) == targets().keys()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_names_only_variables_that_exist(document):
    named = set(re.findall(r"\bHUBSCAPE_[A-Z_]*[A-Z]\b", document.read_text()))
    assert sorted(named - variables().keys() - OF_TESTS) == []


def test_every_variable_is_in_the_readme_or_the_reference_that_it_links():
    readme = (PROJECT / "README.md").read_text()
    reachable = readme + (REFERENCE.read_text() if "docs/reference.md" in readme else "")
    assert [name for name in variables() if name not in reachable] == []


def test_make_help_lists_every_target():
    kept = {"PATH": os.environ["PATH"]}
    done = subprocess.run(["make", "-s", "help"], cwd=PROJECT, env=kept, capture_output=True, text=True, check=True)
    assert {line.split()[0] for line in done.stdout.splitlines()} == set(targets())
