"""Every command and snippet that people are told to type is executed here, or is exempt for a reason.

A block of README.md, CONTRIBUTING.md, docs/ or of a release's card is taken as it stands: `sh` by bash, `python` by
Python, `sql` by `hubscape query`, `js` by node; a block without a language is output, `console` how a command is used,
`mermaid` a drawing. Blocks of a document run in order, each in a shell of its own, in a copy of the project, beside a
sandbox Hub with a published day.
"""

import datetime as dt
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer

from orchestration.cli import app
from orchestration.release.build import release_dir
from orchestration.sandbox.ecosystem import synthetic_catalogue
from tests.clone import clone_environment, scratch_clone
from tests.days import SECOND, Finished
from tests.hubscape import hubscape
from tests.machine import SMALL, Machine
from tests.sandbox import TOKEN
from tests.support import PATIENCE, PROJECT
from tests.words import targets

CARD = "the card"
NAMES = ["README.md", "CONTRIBUTING.md", *sorted(f"docs/{path.name}" for path in (PROJECT / "docs").glob("*.md")), CARD]
SCALE = "0.02"
# What stands for something of the reader's own, and what it is here.
PLACEHOLDERS = {"HF_TOKEN=...": f"HF_TOKEN={TOKEN}", "OWNER/NAME": Machine.repo}
# Lines of sh that are not executed, by how they begin: why, and what tries them instead.
EXEMPT = {
    "make test": "it is what runs this, as make test-all is",
    "hubscape backfill --from 2026-10-01": "it reads a dataset of the real Hub: tests/pipeline/test_backfill.py",
    "useradd ": "it changes the machine: tests/deploy/test_postgres.py starts what the units start",
    "install -": "it changes the machine: tests/deploy/test_files.py reads what is installed",
    "systemctl ": "it changes the machine: tests/deploy/test_files.py has systemd verify the units",
    "sudo -u postgres ": "it changes the machine: tests/deploy/test_postgres.py makes such a database",
    "docker compose ": "no engine runs here: tests/deploy/test_files.py reads the files",
}
LANGUAGES = {"sh", "python", "sql", "js"}


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and where it begins."""

    language: str
    text: str
    where: str


@dataclass(frozen=True)
class Published:
    """A sandbox Hub that holds a published day, and the machine that published it."""

    url: str
    data_dir: Path


def blocks(name: str, text: str) -> Iterator[Block]:
    """The blocks that are to be executed, in order; none within a comment, where what cog runs is."""
    text = re.sub(r"<!--.*?-->", lambda comment: "\n" * comment[0].count("\n"), text, flags=re.DOTALL)
    fence = re.compile(r"^( *)```([^\n`]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
    for found in fence.finditer(text):
        where = f"{name}, line {text.count(chr(10), 0, found.start()) + 1}"
        if (language := found[2].strip()) not in {"", "console", "mermaid"}:
            yield Block(language, re.sub(rf"^{found[1]}", "", found[3], flags=re.MULTILINE), where)


def lines_of(block: Block) -> list[str]:
    return [line for line in block.text.replace("\\\n", " ").splitlines() if line.strip()]


def is_exempt(line: str) -> bool:
    return line.strip().startswith(tuple(EXEMPT))


def text_of(name: str, published: Published | None = None) -> str:
    if name == CARD:
        assert published
        return (release_dir(published.data_dir, SECOND) / "README.md").read_text()
    return (PROJECT / name).read_text()


@pytest.fixture(scope="module")
def published(second: Finished, tmp_path_factory) -> Iterator[Published]:
    own = second.copy(tmp_path_factory.mktemp("published"))
    today = synthetic_catalogue(seed=7, scale=float(SCALE), date=dt.datetime.now(dt.UTC).date())
    with own.hub(today) as hub:
        yield Published(hub.url, own.machine.data_dir)


def program(block: Block, published: Published, clone: Path) -> list[str] | None:
    """What executes a block; None where nothing of it is to be executed here."""
    text = block.text
    for placeholder, value in PLACEHOLDERS.items():
        text = text.replace(placeholder, value)
    if block.language == "sh":
        kept = [line for line in lines_of(Block("sh", text, "")) if not is_exempt(line)]
        return ["bash", "-euo", "pipefail", "-c", "\n".join(kept)] if kept else None
    if block.language == "python":
        return [sys.executable, "-c", text]
    if block.language == "sql":
        data = f"HUBSCAPE_DATA_DIR={published.data_dir}"
        return ["env", data, sys.executable, "-m", "orchestration.cli", "query", text.strip().rstrip(";")]
    if not (shutil.which("node") and shutil.which("npm")):
        return None
    install = ["npm", "install", "--no-save", "--silent", "@huggingface/hub"]
    subprocess.run(install, cwd=clone, check=True, capture_output=True, timeout=PATIENCE)
    (clone / "snippet.mjs").write_text(text)
    return ["node", "snippet.mjs"]


# What is typed in a copy of the project are whole runs, and slow; what is typed on reading the card is not.
@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name != CARD)) for name in NAMES])
def test_what_a_document_tells_to_type_works(name, published, tmp_path):
    to_do = list(blocks(name, text_of(name, published)))
    if not to_do:
        return
    clone = scratch_clone(tmp_path / "clone")
    environment = clone_environment(
        clone, {"HF_ENDPOINT": published.url, "HF_TOKEN": TOKEN, "HUBSCAPE_SANDBOX_SCALE": SCALE, **SMALL}
    )
    environment["PATH"] = f"{clone / '.venv' / 'bin'}:{environment['PATH']}"
    for block in to_do:
        assert block.language in LANGUAGES, f"{block.where}: nobody executes {block.language}"
        command = program(block, published, clone)
        if command:
            done = subprocess.run(
                command,
                env=environment,
                cwd=clone,
                capture_output=True,
                text=True,
                check=False,
                timeout=PATIENCE,
            )
            assert done.returncode == 0, (block.where, block.text, done.stdout[-1500:], done.stderr[-1500:])


def test_the_first_question_of_the_readme_is_answered_once_for_each_definition(published):
    (command,) = re.findall(r'^hubscape query "(select .*?)"$', text_of("README.md"), re.MULTILINE | re.DOTALL)
    done = hubscape("query", {"HUBSCAPE_DATA_DIR": str(published.data_dir)}, command, "--format", "json")
    definitions = Counter(row["definition"] for row in json.loads(done.stdout))
    assert set(definitions) > {"direct", "tagged"} and set(definitions.values()) == {1}


def test_every_exemption_is_of_a_line_that_is_there():
    written = [name for name in NAMES if name != CARD]
    lines = [line.strip() for name in written for block in blocks(name, text_of(name)) for line in lines_of(block)]
    assert [start for start in EXEMPT if not any(line.startswith(start) for line in lines)] == []


@pytest.mark.parametrize("name", [name for name in NAMES if name != CARD])
def test_commands_in_running_text_exist(name):
    known = typer.main.get_command(app).commands
    text = re.sub(r"^ *```.*?^ *```$", "", text_of(name), flags=re.MULTILINE | re.DOTALL)
    for command in re.findall(r"`((?:make|hubscape) [^`]*)`", text):
        program_name, first, *rest = command.split()
        if program_name == "make":
            for target in [word for word in (first, *rest[:1]) if re.fullmatch(r"[a-z-]+", word)]:
                assert target in targets(), f"{name}: `{command}`"
            continue
        assert first in known, f"{name}: `{command}`"
        options = {option for word in known[first].params for option in word.opts}
        assert {word for word in rest if word.startswith("--")} <= options, f"{name}: `{command}`"


def test_the_runner_fails_where_a_snippet_does(published, tmp_path):
    written = "<!-- [[[cog\n```mermaid\n```x\n]]] -->\n```sh\nmake test\nfalse\n```\n```\noutput\n```\n"
    found = list(blocks("x", written + "- a\n  ```sql\n  select 1\n  ```\n"))

    assert [(block.language, block.text) for block in found] == [("sh", "make test\nfalse\n"), ("sql", "select 1\n")]
    assert subprocess.run(program(found[0], published, tmp_path), check=False).returncode == 1
