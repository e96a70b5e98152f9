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
