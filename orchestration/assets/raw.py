"""Raw tables as Dagster assets: each crawls one part of a Hub into `data/raw/<table>/snapshot_date=...`."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from orchestration.checks.gates import GATE
from orchestration.crawl.dump import fetch_bulk
from orchestration.crawl.plan import fetch
from orchestration.failures import plain_failures
from orchestration.hub.listing import FIELDS
from orchestration.jobs import FRESH
from orchestration.lake.manifest import Manifest
from orchestration.lake.schemas import SCHEMAS
from orchestration.lake.snapshot import snapshot_dir
from orchestration.metadata import preview, source_columns
from orchestration.resources import Hub, OfRun
from orchestration.settings import Settings
from orchestration.translator import OWNER


class RawConfig(dg.Config):
    """How one raw table is fetched."""

    refetch: bool = False
    """Fetch again what the lake already holds for this snapshot date."""


_DESCRIPTIONS = {
    **{kind: f"All {kind} as the Hub lists them, newest first." for kind in FIELDS},
    "organizations": "Overviews of the registry's handles and of the handles with most model downloads.",
    "daily_papers": "The Hub's daily papers pages, HUBSCAPE_PAPERS_DAYS of them.",
}


def raw_assets(dbt_manifest: Mapping[str, Any]) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The five raw tables, and their manifests, written beside them; dbt describes their columns."""
    return [
        dg.AssetSpec(
            ["raw", "manifests"],
            deps=[dg.AssetKey(["raw", table]) for table in SCHEMAS],
            group_name="raw",
            owners=[OWNER],
            kinds={"json"},
            metadata=source_columns(dbt_manifest, "raw", "manifests"),
            description="`_manifest.json` of each raw snapshot: rows, bytes, hashes, requests, source, times observed.",
        ),
        *(_raw_asset(table, description, dbt_manifest) for table, description in _DESCRIPTIONS.items()),
    ]


def _raw_asset(table: str, description: str, dbt_manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    @dg.asset(
        key=["raw", table],
        deps=[dg.AssetKey(["raw", "models"])] if table == "organizations" else [],
        group_name="raw",
        owners=[OWNER],
        kinds={"huggingface", "parquet"},
        description=description,
        metadata=source_columns(dbt_manifest, "raw", table, SCHEMAS[table]),
        freshness_policy=FRESH,
        # The session waits out a busy Hub by itself; this is for a Hub that comes back minutes later.
        retry_policy=dg.RetryPolicy(max_retries=1, delay=10),
        pool=f"crawl_{table}",
    )
    def raw_table(
        context: dg.AssetExecutionContext, config: RawConfig, hub: Hub, settings: OfRun
    ) -> dg.MaterializeResult:
        options = {"refetch": config.refetch, "progress": context.log.info}
        with plain_failures():
            manifest = fetch_bulk(table, settings, hub, GATE, **options) if settings.source == "bulk" else None
            manifest = manifest or fetch(table, settings, hub.session(settings), GATE, **options)
        return dg.MaterializeResult(metadata=raw_metadata(settings, manifest))

    return raw_table


def raw_metadata(settings: Settings, manifest: Manifest) -> dict[str, Any]:
    """What Dagster shows of a raw snapshot: the same facts as its manifest, and ten rows."""
    folder = snapshot_dir(settings.data_dir, manifest.table, manifest.snapshot_date)
    return {
        **manifest.model_dump(include={"bytes", "requests", "faulty_rows", "synthetic"}),
        "dagster/row_count": manifest.rows,
        "sha256": " ".join(file.sha256 for file in manifest.files),
        "snapshot_date": manifest.snapshot_date.isoformat(),
        "source": manifest.source_label,
        "folder": folder,
        "preview": preview(folder),
    }
