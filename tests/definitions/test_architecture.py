"""The house: imports point downwards only, in no circle, and importing a module does no work.

python -m tests.definitions.test_architecture    prints the house in numbers
"""

import ast
import graphlib
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
# Rooms and modules of the root from the top down: each imports from its own storey and from those below, never upwards.
STOREYS = (
    {"cli"},
    {"definitions"},
    {"assets", "checks", "commands", "jobs", "sensors", "resources", "translator", "metadata", "console", "failures"},
    {"crawl", "site"},
    {"release"},
    {"hub", "lake", "expectations", "dbt", "run_history"},
    {"settings"},
    {"ground"},
)
SANDBOX = "sandbox"  # a Hub for offline runs, which only those that start it know
SANDBOX_USERS = {"cli"}
# They turn off what libraries would send or show by themselves, which only variables can.
LIBRARIES_TOLD = {"orchestration.commands.run", "expectations.runner"}
NO_DAGSTER = {"crawl", "site", "release", "hub", "lake", "expectations", "ground", SANDBOX}
NO_SETTINGS = {"site", "release", "hub", "lake", "expectations", "ground", SANDBOX}
# Lines of Python that a room may have before somebody asks why; the modules of the root have one budget together.
BUDGETS = {
    "definitions": 80, "assets": 470, "checks": 600, "crawl": 500, "commands": 1_150, "hub": 1_300, "lake": 1_800,
    "release": 1_200, "site": 700, "ground": 300, SANDBOX: 2_000, "expectations": 800, "root": 1_100,
}  # fmt: skip
# Without the sandbox; 9,800 and what real dumps, lists that were cut and samples ask for: to refuse them, or to say so.
IN_ALL = 10_300
# Rooms with more, how many they may have, and why.
OVER_BUDGET = {
    "assets": (530, "a hundred lines are imports; what is left is declarations and the words of a dbt build"),
    "checks": (670, "gates are sentences on why a step may not go on, and docstrings on why it may"),
    "crawl": (570, "a sandbox is started here and a stopped crawl gone on with, which need the Hub and the lake both"),
    "hub": (
        1_560,
        "a request and a download each have bounds of their own against a Hub that drips, lies, cuts or repeats",
    ),
    "commands": (1_200, "the doctor looks at the Hub, the dump, the clock, the disk, versions and locks, one by one"),
    "lake": (1_980, "rows are typed in two ways, ten times apart in speed, and a dump's of any shape in a third"),
    SANDBOX: (2_270, "writes, tags, quotas and a history are there so that publishing and bulk run offline as online"),
    "root": (1_180, "the events of a machine's history go through connections that stay open (run_history), 90 lines"),
}


def modules() -> dict[str, Path]:
    """Every module of the house by its dotted name."""
    files = [path for top in ("orchestration", "expectations") for path in (PROJECT / top).rglob("*.py")]
    return {".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__"): path for path in files}


def room(module: str) -> str:
    """The room that a module lies in; one of the root is its own room."""
    top, _, rest = module.partition(".")
    return top if top == "expectations" else rest.partition(".")[0]


def imports(path: Path) -> set[str]:
    """What a module imports anywhere in it, function bodies included, but for what only type checkers see."""
    tree = ast.parse(path.read_text())
    hidden = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def house() -> dict[str, set[str]]:
    """The modules of the house that each module of it imports."""
    known = modules()

    def owner(name: str) -> str | None:
        while name and name not in known:
            name = name.rpartition(".")[0]
        return name or None

    found = {module: {owner(name) for name in imports(path)} for module, path in known.items()}
    return {module: {name for name in names if name and name != module} for module, names in found.items()}


def arrows() -> set[tuple[str, str]]:
    """Pairs of rooms, the first of which imports from the second."""
    pairs = {(room(module), room(name)) for module, names in house().items() for name in names}
    return {(a, b) for a, b in pairs if a != b and a and b}


def circles(graph: dict[str, set[str]]) -> list[str]:
    try:
        tuple(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def storey(name: str) -> int:
    return next(number for number, rooms in enumerate(STOREYS) if name in rooms)


def test_every_room_has_a_storey():
    assert {room(module) for module in modules()} - {"", SANDBOX} == set().union(*STOREYS)


def test_imports_point_downwards():
    upwards = [(a, b) for a, b in arrows() if SANDBOX not in (a, b) and storey(a) > storey(b)]
    assert upwards == []


def test_no_import_runs_in_a_circle():
    assert circles(house()) == []
    between: dict[str, set[str]] = {}
    for a, b in arrows():
        between.setdefault(a, set()).add(b)
    assert circles(between) == []


def test_rooms_below_know_neither_dagster_nor_settings_nor_the_environment():
    for module, path in modules().items():
        foreign = {name.partition(".")[0] for name in imports(path)}
        if room(module) in NO_DAGSTER:
            assert not foreign & {"dagster", "dagster_dbt", "dbt"}, module
        if room(module) in NO_SETTINGS:
            assert not any(name.startswith("orchestration.settings") for name in imports(path)), module


def test_only_the_command_line_knows_the_sandbox_and_only_the_hub_its_client():
    for module, path in modules().items():
        if room(module) not in {SANDBOX, *SANDBOX_USERS}:
            assert not any(name.startswith("orchestration.sandbox") for name in imports(path)), module
        if room(module) in {"lake", "release", "expectations", "ground"}:
            assert not any(name.startswith("huggingface_hub") for name in imports(path)), module
    assert {b for a, b in arrows() if a == SANDBOX} <= {"ground"}


def written(node: ast.AST) -> list[ast.expr]:
    """What a statement assigns to or calls."""
    match node:
        case ast.Assign():
            return node.targets
        case ast.AugAssign() | ast.AnnAssign():
            return [node.target]
        case ast.Call(func=ast.Attribute(attr="update" | "pop" | "setdefault")):
            return [node.func]
    return []


def test_nobody_writes_variables_for_somebody_else_to_read():
    found = {
        f"{module}:{node.lineno}"
        for module, path in modules().items()
        for node in ast.walk(ast.parse(path.read_text()))
        for target in written(node)
        if ast.unparse(target).startswith("os.environ")
    }
    assert {where.partition(":")[0] for where in found} <= LIBRARIES_TOLD, found


@pytest.mark.parametrize("module", ["orchestration.definitions", "orchestration.cli"])
def test_importing_what_is_loaded_first_does_not_import_the_slow_libraries(module):
    slow = ("great_expectations", "huggingface_hub", "pandas", "dbt.cli")
    code = f"import sys, {module}; print([m for m in {slow} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT)

    assert done.stdout.strip() == "[]"


def lines_of_rooms() -> Counter[str]:
    lines: Counter[str] = Counter()
    for module, path in modules().items():
        lines[room(module) or "(root)"] += len(path.read_text().splitlines())
    return lines


def test_no_room_is_larger_than_its_budget_unless_it_says_why():
    lines: Counter[str] = Counter()
    for name, number in lines_of_rooms().items():
        lines[name if name in BUDGETS else "root"] += number
    over = {name: (number, BUDGETS[name]) for name, number in lines.items() if number > BUDGETS[name]}
    assert over.keys() == OVER_BUDGET.keys(), over
    assert all(number <= OVER_BUDGET[name][0] for name, (number, _) in over.items()), over
    assert lines.total() - lines[SANDBOX] <= IN_ALL


def main() -> None:
    lines, count = lines_of_rooms(), Counter(room(module) or "(root)" for module in modules())
    for name, number in sorted(lines.items(), key=lambda item: -item[1]):
        below = ", ".join(sorted(b for a, b in arrows() if a == name))
        print(f"{name:14} {number:6,} lines {count[name]:3} modules  -> {below}")
    for name, (number, why) in OVER_BUDGET.items():
        print(f"{name}: {number:,} lines where {BUDGETS[name]:,} are its budget: {why}")
    print(f"{len(lines)} rooms, {len(arrows())} arrows, circle: {' -> '.join(circles(house())) or 'none'}")
    print(f"{sum(lines.values()) - lines[SANDBOX]:,} lines of Python without the sandbox")


if __name__ == "__main__":
    main()
