"""How dbt nodes look in Dagster: groups by layer, owners and kinds. Keys stay what dbt and the disk call them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator

if TYPE_CHECKING:
    from dagster_dbt import DbtProject

OWNER = "team:hubscape"


class LayerTranslator(DagsterDbtTranslator):
    """Groups models by the folder of their layer; seeds are the registry."""

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: "DbtProject | None") -> dg.AssetSpec:
        """The asset of a dbt node."""
        node = self.get_resource_props(manifest, unique_id)
        group = "registry" if node["resource_type"] == "seed" else node["fqn"][1]
        return super().get_asset_spec(manifest, unique_id, project).replace_attributes(group_name=group, owners=[OWNER])

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """What people want to know of a table: grain, question and caveats; not its SQL, which dbt's pages show."""
        meta = dbt_resource_props["config"].get("meta", {})
        parts = [" ".join(dbt_resource_props["description"].split())]
        parts += [f"**{name.capitalize()}:** {meta[name]}" for name in ("grain", "question") if meta.get(name)]
        if meta.get("caveats"):
            parts.append("**Caveats:**\n" + "\n".join(f"- {caveat}" for caveat in meta["caveats"]))
        return "\n\n".join(parts)

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: "DbtProject | None"
    ) -> dg.AssetCheckSpec | None:
        """The check of a dbt test, with a sentence on what must hold."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        words = spec and test_description(self.get_resource_props(manifest, unique_id), manifest)
        return spec and spec._replace(description=words)


def test_description(node: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    """What a dbt test asks for: its own description, or what a generic test makes of its arguments or its table.

    Raises:
        KeyError: a generic test that has no words yet.
    """
    generic = node.get("test_metadata")
    if not generic:
        return " ".join(node["description"].split())
    if generic["name"] == "as_described":
        return _as_described(manifest["nodes"][node["attached_node"]])
    return {"relationships": "Each {column_name} is a {field} of {to}."}[generic["name"]].format(**generic["kwargs"])


def _as_described(table: Mapping[str, Any]) -> str:
    """What the YAML of a table asks of its values."""
    key = table["config"]["meta"].get("key", [])
    columns = {name: column["config"]["meta"] for name, column in table["columns"].items()}
    required = [name for name, column in table["columns"].items() if column["constraints"] and name not in key]
    return " ".join(
        [
            *([f"Every {' and '.join(key)} is there, and once."] if key else []),
            *([f"Never missing: {', '.join(required)}."] if required else []),
            *(f"{name} is one of {', '.join(map(str, m['values']))}." for name, m in columns.items() if "values" in m),
            *(f"{name} is at least {m['minimum']}." for name, m in columns.items() if "minimum" in m),
        ]
    )
