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
        parts += (
            ["**Caveats:**\n" + "\n".join(f"- {caveat}" for caveat in meta["caveats"])] if meta.get("caveats") else []
        )
        return "\n\n".join(parts)

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: "DbtProject | None"
    ) -> dg.AssetCheckSpec | None:
        """The check of a dbt test, with a sentence on what must hold."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        return spec and spec._replace(description=test_description(self.get_resource_props(manifest, unique_id)))


# What each generic test asks for; `{}` are its arguments.
_TESTS = {
    "accepted_values": "{column_name} is one of {values}.",
    "not_empty": "There is at least one row.",
    "not_empty_if_observed": "There is at least one row, unless the source does not have {table_name}.",
    "not_negative": "{column_name} is zero or more, or unknown.",
    "not_null": "{column_name} is never missing.",
    "relationships": "Each {column_name} is a {field} of {to}.",
    "unique": "No {column_name} occurs twice.",
    "unique_combination": "No two rows share {columns}, and none of these is missing.",
}


def test_description(node: Mapping[str, Any]) -> str:
    """What a dbt test asks for: its own description, the comment that its SQL opens with, or the generic test's words.

    Raises:
        KeyError: a generic test that has no words yet.
    """
    if node.get("description"):
        return " ".join(node["description"].split())
    generic = node.get("test_metadata")
    if generic:
        arguments = {k: ", ".join(map(str, v)) if isinstance(v, list) else v for k, v in generic["kwargs"].items()}
        return _TESTS[generic["name"]].format(**arguments)
    comments = [line for line in node["raw_code"].splitlines() if line.startswith("--")]
    return " ".join(line.removeprefix("--").strip() for line in comments)
