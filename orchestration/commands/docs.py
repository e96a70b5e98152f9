"""The documentation of the dbt project as static pages that ask for nothing but themselves.

Two pages: dbt's own docs, and the lineage of columns, which dbt-colibri draws from dbt's artefacts alone. That
is a tool for development: where it is not installed, the first page is all there is.
"""

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from orchestration.dbt import DBT_DIR, prepare_manifest, run_dbt
from orchestration.ground.errors import HubscapeError
from orchestration.ground.files import write_durably, writing
from orchestration.settings import Settings

# What dbt's page asks a server for in vain: names of icons before they are filled in, and an icon of dbt's own website.
_MENDED = (
    (' xlink:href="{{ getIcon(', ' ng-attr-xlink:href="{{ getIcon('),
    ("${require('./assets/favicons/favicon.ico')}", "data:,"),
)
# colibri 0.3.7 reads an attribute that sqlglot calls by another name since 30.1; without it no column that comes out of
# a union has a lineage. Goes when colibri knows the new name.
_COLIBRI = """
from sqlglot.optimizer.scope import Scope
if not hasattr(Scope, "union_scopes"):
    Scope.union_scopes = property(lambda scope: getattr(scope, "set_operation_scopes", []))
from dbt_colibri.lineage_extractor.extractor import DbtColumnLineageExtractor
from dbt_colibri.report.generator import DbtColibriReportGenerator
read = DbtColumnLineageExtractor("manifest.json", "catalog.json")
DbtColibriReportGenerator(read, light_mode=True, disable_telemetry=True).generate_report("lineage")
"""


def write_docs(settings: Settings, folder: Path) -> list[Path]:
    """Writes `dbt/index.html`, and `lineage/index.html` where it can be made, into a folder, and returns their paths.

    Types of columns and their lineage come from the warehouse of the last run. Without one the first page is written
    with the types that the models declare, and the second is left out.

    Raises:
        HubscapeError: dbt or colibri refuses, or a page cannot be written.
    """
    manifest = prepare_manifest()
    has_warehouse = (settings.data_dir / "warehouse.duckdb").is_file()
    with tempfile.TemporaryDirectory(prefix="hubscape-docs-") as work:
        made = Path(work)
        shutil.copy(manifest, made)
        words = [] if has_warehouse else ["--empty-catalog", "--no-compile"]
        done = run_dbt(settings, "docs", "generate", "--static", *words, folder=made)
        if not done.success:
            raise _refused("dbt", str(done.exception or (made / "dbt.log").read_text()))
        page = (made / "static_index.html").read_text()
        for asked, mended in _MENDED:
            if asked not in page:
                raise HubscapeError(f"dbt's page is another than this version mends: it has no {asked.strip()}.")
            page = page.replace(asked, mended)
        pages = {"dbt/index.html": page}
        if has_warehouse and importlib.util.find_spec("dbt_colibri"):
            colibri = [sys.executable, "-c", _COLIBRI]
            drawn = subprocess.run(colibri, capture_output=True, text=True, check=False, cwd=made)
            if drawn.returncode:
                raise _refused("dbt-colibri", drawn.stdout + drawn.stderr)
            pages["lineage/index.html"] = (made / "lineage" / "index.html").read_text()
        # dbt notes where a seed's file lies on this machine, which is nobody's business once a page is published.
        return [_put(folder / name, text.replace(str(DBT_DIR), DBT_DIR.name)) for name, text in pages.items()]


def _refused(tool: str, words: str) -> HubscapeError:
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    return HubscapeError(f"{tool} could not make its page: {' '.join(lines[-3:])[:500]}")


def _put(path: Path, text: str) -> Path:
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, text)
    return path
