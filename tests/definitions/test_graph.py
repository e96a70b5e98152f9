"""The asset graph as Dagster sees it, against a committed picture: a change of it shows in a diff.

`HUBSCAPE_UPDATE_GRAPH=1 pytest tests/definitions/test_graph.py` draws it anew; read the diff before committing.
"""

import json
import os
import re
from pathlib import Path

import dagster as dg
import pyarrow as pa

from orchestration.dbt import MANIFEST
from orchestration.lake.schemas import SCHEMAS
from orchestration.release.contract import read_contract

PICTURE = Path(__file__).parent / "graph.json"


def drawn(definitions: dg.Definitions) -> dict:
    graph = definitions.resolve_asset_graph()
    assets = {}
    for key in sorted(graph.get_all_asset_keys(), key=str):
        node = graph.get(key)
        assets["/".join(key.path)] = {
            "deps": sorted("/".join(parent.path) for parent in node.parent_keys),
            "group": node.group_name,
            "owners": sorted(node.owners),
            "kinds": sorted(node.kinds),
            "metadata": sorted(node.metadata),
            "fails freshness after hours": hours(node.freshness_policy),
            "checks": {
                check.name: "blocking" if graph.get_check_spec(check).blocking else "not blocking"
                for check in sorted(graph.get_check_keys_for_assets({key}), key=lambda check: check.name)
            },
        }
    repository = definitions.get_repository_def()
    return {
        "assets": assets,
        "jobs": sorted(job.name for job in repository.get_all_jobs() if not job.name.startswith("__")),
        "schedules": {s.name: [s.cron_schedule, s.default_status.value] for s in repository.schedule_defs},
        "sensors": {s.name: s.default_status.value for s in repository.sensor_defs},
        "pools": sorted({pool for node in definitions.assets or [] for pool in pools(node)}),
    }


def hours(policy: dg.FreshnessPolicy | None) -> float | None:
    return policy and policy.fail_window.to_timedelta().total_seconds() / 3600


def pools(asset: object) -> set[str]:
    is_run = isinstance(asset, dg.AssetsDefinition) and asset.is_executable
    return {op.pool for op in asset.op.iterate_op_defs() if op.pool} if is_run else set()


def test_the_graph_is_the_committed_one(definitions):
    picture = json.dumps(drawn(definitions), indent=1, sort_keys=True) + "\n"
    if os.environ.get("HUBSCAPE_UPDATE_GRAPH"):
        PICTURE.write_text(picture)
    assert picture == PICTURE.read_text()


def test_everything_has_a_description_an_owner_and_a_kind(definitions):
    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description and node.owners and node.kinds, key


def test_every_asset_can_be_materialized_alone(definitions):
    job = definitions.resolve_implicit_global_asset_job_def()
    for key in definitions.resolve_asset_graph().materializable_asset_keys:
        assert job.get_subset(asset_selection={key}).asset_layer.selected_asset_keys == {key}


def test_every_check_of_severity_error_blocks(definitions, manifest):
    graph = definitions.resolve_asset_graph()
    not_blocking = {key.name for key in graph.asset_check_keys if not graph.get_check_spec(key).blocking}
    warning_tests = {
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and node["config"]["severity"].lower() == "warn"
    }
    assert not_blocking <= warning_tests


def test_every_dbt_test_is_an_asset_check(definitions, manifest):
    tests = {node["name"] for node in manifest["nodes"].values() if node["resource_type"] == "test"}
    checks = {key.name for key in definitions.resolve_asset_graph().asset_check_keys}
    assert tests <= checks


# How dbt writes the pyarrow types of the raw layer.
DBT_TYPES = {
    pa.string(): "varchar",
    pa.int64(): "bigint",
    pa.float64(): "double",
    pa.bool_(): "boolean",
    pa.date32(): "date",
    pa.timestamp("us", tz="UTC"): "timestamp with time zone",
}


def test_the_lakes_schemas_are_the_dbt_sources(manifest):
    sources = {node["name"]: node for node in manifest["sources"].values() if node["source_name"] == "raw"}
    assert set(SCHEMAS) <= set(sources)
    for table, schema in SCHEMAS.items():
        columns = sources[table]["columns"]
        documented = [name for name in columns if name != "snapshot_date"]  # from the folder's name
        assert documented == schema.names, table
        for field in schema:
            if field.type in DBT_TYPES:
                assert columns[field.name]["data_type"].lower() == DBT_TYPES[field.type], (table, field.name)


def test_what_is_published_has_a_contract_and_a_description_for_each_column(manifest):
    contract = read_contract(MANIFEST)
    names = {table.name for table in contract.tables}
    assert {"fct_derivative_counts", "fct_organization_snapshots", "fct_papers", "fct_milestones"} <= names
    for node in manifest["nodes"].values():
        if node["resource_type"] in {"model", "seed"}:
            assert node["description"].strip(), node["name"]
            assert node["columns"] and all(c["description"].strip() for c in node["columns"].values()), node["name"]
    for table in contract.tables:
        node = manifest["nodes"][f"model.hubscape.{table.name}"]
        assert node["config"]["contract"]["enforced"], table.name
        assert set(table.key) <= {column.name for column in table.columns}, table.name


def test_every_case_window_and_union_has_a_unit_test(manifest):
    tested = {test["model"] for test in manifest["unit_tests"].values()}
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model" and re.search(r"\bcase\b|\bover \(|\bunion\b", node["raw_code"]):
            assert node["name"] in tested, node["name"]
