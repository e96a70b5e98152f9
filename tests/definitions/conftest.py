"""The definitions that Dagster loads and dbt's manifest, made once for all tests of this folder."""

import json
from typing import Any

import dagster as dg
import pytest

from orchestration.dbt import prepare_manifest
from orchestration.definitions import build_definitions


@pytest.fixture(scope="session")
def manifest() -> dict[str, Any]:
    return json.loads(prepare_manifest().read_text())


@pytest.fixture(scope="session")
def definitions(manifest) -> dg.Definitions:
    return build_definitions()
