"""Which tests have to run in one process: those that share a fixture which takes long to make.

The marks of pytest-xdist 3.8 that would say so have no effect under pytest 9.2, so that each process would make it.
"""

import pytest
from xdist.scheduler import LoadScopeScheduling

# Files by what their tests share; any other test runs wherever there is room.
SHARING = {
    "one run on recorded rows": (
        "test_bad_input",
        "test_cli",
        "test_dbt",
        "test_docs",
        "test_figures",
        "test_query",
        "test_recorded_counts",
        "test_report_numbers",
    ),
    "forty days": ("test_forty_days",),
    "two weeks": ("test_incremental",),
    "a published day": ("test_snippets",),
    "compiled models": ("test_ecosystems", "test_mutations"),
    "a clicked refresh": ("test_dagster_ui", "test_dbt_docs", "test_report"),
    "a published dataset": ("test_readers",),
    "definitions": ("test_described", "test_documentation", "test_graph", "test_lineage"),
}
GROUPS = {f"{file}.py": group for group, files in SHARING.items() for file in files}


class BySharedFixture(LoadScopeScheduling):
    """Hands out groups of tests whole, all others one by one."""

    def _split_scope(self, nodeid: str) -> str:
        return GROUPS.get(nodeid.partition("::")[0].rpartition("/")[2], nodeid)


# Optional, so that `pytest -p no:xdist` has nothing to complain of.
@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> BySharedFixture:
    return BySharedFixture(config, log)
