"""The files of a Space: the report with links to the pages that stand next to it."""

import datetime as dt

import pytest
import yaml

from orchestration.site.report import LINKS_MARK
from orchestration.site.space import write_space
from tests.unit.test_charts import package


def test_the_report_links_the_pages_that_are_there_and_the_card_says_what_to_serve(tmp_path):
    release, folder = tmp_path / "release", tmp_path / "space"
    (folder / "dbt").mkdir(parents=True)
    release.mkdir()
    (release / "report.html").write_text(f"<nav>{LINKS_MARK}</nav>")
    (release / "datapackage.json").write_text("{}")
    (folder / "dbt" / "index.html").write_text("docs")

    files = write_space(folder, release, package(), {"dbt/index.html": folder / "dbt" / "index.html"})

    assert sorted(files) == ["README.md", "datapackage.json", "dbt/index.html", "index.html"]
    page = files["index.html"].read_text()
    assert '<a href="dbt/index.html">' in page and "lineage" not in page and LINKS_MARK not in page
    front = yaml.safe_load(files["README.md"].read_text().split("---\n")[1])
    assert (front["sdk"], front["app_file"]) == ("static", "index.html")
    assert "Synthetic data" in files["README.md"].read_text()
    assert str(dt.date(2026, 3, 15)) in files["README.md"].read_text()


def test_a_report_without_a_place_for_links_is_not_published_half(tmp_path):
    (tmp_path / "report.html").write_text("<nav></nav>")
    with pytest.raises(ValueError, match="no place for links"):
        write_space(tmp_path, tmp_path, package(), {})
