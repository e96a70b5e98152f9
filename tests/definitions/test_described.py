"""What the Dagster UI shows without any run: all is described, in its group, with its columns, and no code link."""

from collections.abc import Iterator

import dagster as dg
import pytest

from orchestration.dbt import prepare_manifest
from orchestration.definitions import build_definitions
from orchestration.lake.schemas import SCHEMAS

# Assets that are no table: a folder of many tables, what became of it on the Hub, and past days with all their tables.
NO_TABLE = {"release", "publication", "report_space", "raw/history", "release/history"}
GROUPS = {"raw", "staging", "intermediate", "marts", "registry", "release"}


def assets(definitions: dg.Definitions) -> Iterator[tuple[str, object]]:
    graph = definitions.resolve_asset_graph()
    return (("/".join(key.path), graph.get(key)) for key in graph.get_all_asset_keys())


def test_every_asset_has_a_description_a_group_an_owner_and_a_kind(definitions):
    for name, asset in assets(definitions):
        assert asset.description and asset.description.strip(), name
        assert asset.group_name in GROUPS, name
        assert asset.owners and asset.kinds, name


def test_every_asset_is_in_the_group_of_its_layer(definitions, manifest):
    folders = {n["name"]: n["fqn"][1] for n in manifest["nodes"].values() if n["resource_type"] == "model"}
    seeds = {n["name"] for n in manifest["nodes"].values() if n["resource_type"] == "seed"}
    assert folders and seeds
    for name, asset in assets(definitions):
        root = "release" if name in {"publication", "report_space"} else name.split("/")[0]
        assert asset.group_name == ("registry" if name in seeds else folders.get(name, root)), name


def test_every_column_of_every_table_has_a_type_and_a_description(definitions):
    for name, asset in assets(definitions):
        schema = asset.metadata.get("dagster/column_schema")
        assert (schema is None) == (name in NO_TABLE), name
        for column in schema.columns if schema else []:
            assert (column.description or "").strip(), (name, column.name)
            # Those of other layers have no contract: their types come with each build, from the warehouse.
            assert column.type not in {"", "?"} or asset.group_name in {"staging", "intermediate"}, (name, column.name)


def test_raw_columns_are_those_of_the_files(definitions):
    shown = dict(assets(definitions))
    for table, schema in SCHEMAS.items():
        columns = shown[f"raw/{table}"].metadata["dagster/column_schema"].columns
        files = [(field.name, str(field.type)) for field in schema]
        assert [(column.name, column.type) for column in columns] == files


def test_a_models_page_is_prose_without_its_sql(definitions, manifest):
    shown = dict(assets(definitions))
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model":
            text = shown[node["name"]].description
            assert "```" not in text and "Raw SQL" not in text, node["name"]
            for words in (node["config"]["meta"]["grain"], *node["config"]["meta"]["caveats"]):
                assert words in text, node["name"]


def test_nothing_links_to_code(definitions):
    for name, asset in assets(definitions):
        assert not [key for key in asset.metadata if "code_reference" in key], name


def test_every_check_job_schedule_sensor_and_resource_is_described(definitions):
    graph = definitions.resolve_asset_graph()
    for key in graph.asset_check_keys:
        assert (graph.get_check_spec(key).description or "").strip(), key
    repository = definitions.get_repository_def()
    jobs = [job for job in repository.get_all_jobs() if not job.name.startswith("__")]
    for thing in [*jobs, *repository.schedule_defs, *repository.sensor_defs]:
        assert (thing.description or "").strip(), thing.name
    for name, resource in definitions.resources.items():
        assert (type(resource).__doc__ or "").strip(), name


@pytest.mark.parametrize(("environment", "status"), [("production", "RUNNING"), ("laptop", "STOPPED"), ("", "STOPPED")])
def test_schedule_and_sensors_are_on_by_themselves_in_production_only(monkeypatch, environment, status):
    if environment:
        monkeypatch.setenv("HUBSCAPE_ENVIRONMENT", environment)
    else:
        monkeypatch.delenv("HUBSCAPE_ENVIRONMENT", raising=False)
    prepare_manifest()
    repository = build_definitions().get_repository_def()
    started = {i.name: i.default_status.value for i in [*repository.schedule_defs, *repository.sensor_defs]}
    assert started == dict.fromkeys(["daily_refresh", "failed_runs", "warned_checks"], status)


def test_what_is_fetched_and_what_is_published_grow_old_after_a_day_and_the_longest_run(definitions):
    fresh = {name: asset.freshness_policy for name, asset in assets(definitions) if asset.freshness_policy}
    assert fresh.keys() == {f"raw/{table}" for table in SCHEMAS} | {"publication"}
    assert {policy.fail_window.to_timedelta().total_seconds() for policy in fresh.values()} == {30 * 3600}
