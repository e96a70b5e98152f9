"""Nothing that people type is without a description, and the reference is the one of the code."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import typer

from orchestration.cli import app
from orchestration.reference import REFERENCE, commands, render_reference, targets, variables, variables_table

PROJECT = Path(__file__).resolve().parents[2]
DOCUMENTS = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
# Not settings: what tests read, and Dagster's and the Hub client's own.
OF_TESTS = {"HUBSCAPE_RECORDED_DIR", "HUBSCAPE_UPDATE_GRAPH"}


def test_every_command_option_and_argument_has_a_description():
    for command in typer.main.get_command(app).commands.values():
        assert command.help, f"hubscape {command.name} does not say what it does"
        for word in command.params:
            assert getattr(word, "help", None), f"{word.name} of hubscape {command.name} is not described"


def test_every_variable_has_a_description_of_its_own():
    texts = {name: field.description for name, field in variables()}
    assert [name for name, text in texts.items() if not text or not text.endswith(".")] == []
    assert len(set(texts.values())) == len(texts)


def test_every_make_target_has_a_description():
    text = (PROJECT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)[1].split()
    assert sorted(targets()) == sorted(phony)


def test_the_reference_is_the_one_of_the_code():
    assert REFERENCE.read_text() == render_reference(), "stale: run `make reference`"
    named = set(re.findall(r"^\| `(H\w+)` \|", variables_table(), re.MULTILINE))
    assert named == {name for name, _ in variables()}
    assert set(re.findall(r"^### hubscape (\w+)$", REFERENCE.read_text(), re.MULTILINE)) == {c[0] for c in commands()}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_names_only_variables_that_exist(document):
    named = set(re.findall(r"\bHUBSCAPE_[A-Z_]*[A-Z]\b", document.read_text()))
    assert sorted(named - {name for name, _ in variables()} - OF_TESTS) == []


def test_every_variable_is_in_the_readme_or_the_reference_that_it_links():
    readme = (PROJECT / "README.md").read_text()
    reachable = readme + (REFERENCE.read_text() if "docs/reference.md" in readme else "")
    assert [name for name, _ in variables() if name not in reachable] == []


def test_make_help_lists_every_target():
    kept = {"PATH": os.environ["PATH"]}
    done = subprocess.run(["make", "-s", "help"], cwd=PROJECT, env=kept, capture_output=True, text=True, check=True)
    assert {line.split()[0] for line in done.stdout.splitlines()} == set(targets())
