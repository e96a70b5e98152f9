"""The report of a release: one page that needs nothing but itself, and the same charts as pictures.

The page holds Vega and its charts' specifications, so that it works from a disk, offline, for ever. Its policy lets no
script run but its own two and asks for nothing, whatever may stand in a title or a name.
"""

import base64
import functools
import hashlib
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import jinja2
from markupsafe import Markup, escape

from orchestration.dbt import MANIFEST
from orchestration.ground.files import write_durably
from orchestration.release.datapackage import DataPackage, ReleaseFile, described
from orchestration.site.charts import Chart, cell_text, charts

FILE_NAME = "report.html"
PICTURES = "charts"
TITLE = "Report"
LINKS_MARK = "<!-- links to other pages -->"  # where a Space puts them

_WIDTH = 720  # of a picture, in CSS pixels; drawn at twice as many
# Carried by vl-convert, so that a picture has the same bytes on every machine.
_FONT = "Liberation Sans"
# Told apart by people who do not see red and green, on white and on nearly black (after Okabe and Ito), and by shape.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#8a8a8a", "#b59f00", "#7a68d8", "#b0583f")
SHAPES = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "triangle-right", "triangle-left")
_SCRIPT = """
const charts = JSON.parse(document.getElementById("specifications").textContent);
const themes = JSON.parse(document.getElementById("themes").textContent);
const button = document.getElementById("theme");
const dark = matchMedia("(prefers-color-scheme: dark)");
let views = [];
async function show(theme) {
  document.documentElement.dataset.theme = theme;
  button.textContent = theme === "dark" ? "Light" : "Dark";
  button.setAttribute("aria-label", "Switch to " + button.textContent.toLowerCase() + " colours");
  views.forEach((view) => view.finalize());
  views = await Promise.all(Object.entries(charts).map(([name, specification]) =>
    vegaEmbed("#" + name + "-chart", specification, {
      mode: "vega-lite", renderer: "svg", actions: false, ast: true, logLevel: 1,
      config: themes[theme], tooltip: {theme},
    })));
}
button.hidden = false;
button.addEventListener("click", () => show(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
dark.addEventListener("change", () => show(dark.matches ? "dark" : "light"));
show(dark.matches ? "dark" : "light");
"""


def _theme(text: str, line: str, grid: str) -> dict[str, Any]:
    axis = {"labelColor": text, "titleColor": text, "domainColor": line, "tickColor": line, "gridColor": grid}
    legend = {"labelColor": text, "titleColor": text, "orient": "bottom", "columns": 2, "symbolLimit": 0}
    return {
        "background": "transparent",
        "font": f"{_FONT}, Arial, sans-serif",
        "numberFormat": ",.10~g",
        "bar": {"color": COLOURS[0]},
        "range": {"category": COLOURS, "symbol": SHAPES},
        "axis": {**axis, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"},
        "axisQuantitative": {"tickCount": 6, "labelOverlap": True},
        "legend": {**legend, "labelFontSize": 12, "titleFontWeight": "normal", "labelLimit": 140},
        "title": {"color": text, "anchor": "start", "fontSize": 15, "offset": 14},
        "view": {"stroke": None, "continuousHeight": 300},
    }


THEMES = {"light": _theme("#1f2328", "#6e7781", "#e3e6ea"), "dark": _theme("#e6edf3", "#8b949e", "#30363d")}


def write_pages(tables: duckdb.DuckDBPyConnection, package: DataPackage, folder: Path) -> list[ReleaseFile]:
    """Draws the charts of a release from its tables, writes the report into its folder, and describes each file."""
    return write_report(folder, package, charts(tables))


def write_report(folder: Path, package: DataPackage, drawn: Sequence[Chart]) -> list[ReleaseFile]:
    """Writes the page and a picture of each drawn chart into a release folder, and describes each file."""
    page = folder / FILE_NAME
    write_durably(page, render_report(package, drawn))
    words = f"Charts of the snapshot of {package.snapshot_date}, each with its numbers; one page, no server."
    files = [described(page, folder, TITLE, words)]
    (folder / PICTURES).mkdir()
    for chart in drawn:
        if chart.spec:
            path = folder / PICTURES / f"{chart.name}.png"
            write_durably(path, picture(chart, subtitle=_subtitle(package)))
            files.append(described(path, folder, chart.title, chart.text))
    return files


def render_report(package: DataPackage, drawn: Sequence[Chart]) -> str:
    """The page as HTML: a pure function of a release's manifest and charts."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
    )
    environment.filters["number"] = cell_text
    environment.filters["prose"] = _prose
    script = _bundle()
    return environment.get_template("report.html.j2").render(
        package=package,
        charts=drawn,
        links_mark=Markup(LINKS_MARK),
        tables={resource.name: resource for resource in package.resources},
        failed=[check for check in package.checks if check.verdict != "passed"],
        specifications=_json({chart.name: chart.spec for chart in drawn if chart.spec}),
        themes=_json(THEMES),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _subtitle(package: DataPackage) -> str:
    """What a picture says of its numbers, since it travels without the page that it comes from; often nothing."""
    made_up = ["Synthetic data: a sandbox made up the numbers"] if package.synthetic else []
    return ". ".join(made_up + (["A sample, not the whole Hub"] if package.sample else []))


def picture(chart: Chart, *, subtitle: str) -> bytes:
    """A chart as a PNG in light colours, 1,440 pixels wide and a few tens of kilobytes large.

    Raises:
        ValueError: the chart has nothing to draw.
    """
    if not chart.spec:
        raise ValueError(f"chart {chart.name} has nothing to draw")
    import vl_convert
    from PIL import Image

    title = {"text": chart.title} | ({"subtitle": subtitle} if subtitle else {})
    config = {**THEMES["light"], "background": "#ffffff"}
    config["title"] = {**config["title"], "subtitleColor": "#b42318"}
    spec = {**chart.spec, "width": _WIDTH, "title": title, "padding": 12}
    drawn = vl_convert.vegalite_to_png(json.dumps(spec), scale=2, config=config)
    # Few colours are used: a palette keeps all that can be seen in a fifth of the bytes.
    small = io.BytesIO()
    Image.open(io.BytesIO(drawn)).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(
        small, "PNG", optimize=True
    )
    return small.getvalue()


@functools.cache
def _bundle() -> str:
    """Vega, Vega-Lite, Vega-Embed and the page's own script as one script that imports nothing.

    It takes seconds and is the same for a version, so it is kept beside the manifest, where somebody may write there.
    """
    import vl_convert

    name = hashlib.sha256(f"{vl_convert.__version__} {_SCRIPT}".encode()).hexdigest()
    kept = MANIFEST.with_name(f"vega-{name[:16]}.js")
    if not kept.is_file():
        made = vl_convert.javascript_bundle(_SCRIPT)
        if not os.access(kept.parent, os.W_OK):
            return made
        write_durably(kept, made)
    return kept.read_text()


def _json(value: object) -> Markup:
    """JSON that cannot end the element that it stands in."""
    text = json.dumps(value, ensure_ascii=True)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _prose(text: str) -> Markup:
    """A description of ours, with what stands between backticks as code."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if at % 2 else escape(part) for at, part in enumerate(parts)
    )
