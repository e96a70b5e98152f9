"""The project's SQL, compiled once for all tests that run it."""

import pytest

from tests.exactness.warehouse import Project, compile_project


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return compile_project(tmp_path_factory.mktemp("compiled"))
