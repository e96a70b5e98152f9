"""Imports point downwards only, and importing a module does no work."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
# What each room may import of the project's own; the rooms at the bottom import nothing but themselves.
ROOMS = {
    "orchestration/hub": {"orchestration.hub"},
    "orchestration/lake": {"orchestration.lake"},
    "orchestration/release": {"orchestration.release"},
    "expectations": {"expectations"},
    "orchestration/sandbox": {"orchestration.sandbox"},
}
NO_DAGSTER = [*ROOMS]
SANDBOX_USERS = {"orchestration/cli.py"}


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def modules(room: str) -> list[Path]:
    return sorted((PROJECT / room).rglob("*.py"))


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_nothing_above_it(room):
    assert modules(room), f"{room} is empty"
    for path in modules(room):
        own = {name for name in imports(path) if name.split(".")[0] in {"orchestration", "expectations", "tests"}}
        outside = {name for name in own if not any(name == a or name.startswith(f"{a}.") for a in ROOMS[room])}
        assert not outside, f"{path.relative_to(PROJECT)} imports {sorted(outside)}"
        foreign = {"dagster", "dagster_dbt", "dbt"} & {name.split(".")[0] for name in imports(path)}
        assert not foreign, f"{path.relative_to(PROJECT)} imports {sorted(foreign)}"


def test_the_lake_knows_no_hub_client_and_only_the_command_line_knows_the_sandbox():
    for path in modules("orchestration/lake") + modules("orchestration/release") + modules("expectations"):
        assert not any(name.startswith("huggingface_hub") for name in imports(path)), path
    for path in modules("orchestration"):
        relative = path.relative_to(PROJECT).as_posix()
        if relative.startswith("orchestration/sandbox/") or relative in SANDBOX_USERS:
            continue
        assert not any(name.startswith("orchestration.sandbox") for name in imports(path)), relative


def test_importing_what_dagster_loads_does_not_import_the_slow_libraries():
    code = (
        "import sys, orchestration.definitions, orchestration.assets.raw, orchestration.checks.from_expectations;"
        "print([m for m in ('great_expectations', 'huggingface_hub', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT)

    assert done.stdout.strip() == "[]"
