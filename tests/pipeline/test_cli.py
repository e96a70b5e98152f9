"""The command line: a sandbox as a server, SQL over a release, a second run on recorded rows, and wrong words."""

import json
import re
import signal
import urllib.request
from pathlib import Path

import pytest

from tests.hubscape import hubscape, start
from tests.pipeline.conftest import RecordedRun
from tests.support import PROJECT, recorded_dir


def serve(folder: Path, *words: str):
    process = start("sandbox", {}, "--port", "0", "--data-dir", str(folder), *words)
    line = process.stdout.readline()
    assert line.startswith("Sandbox Hub: http://127.0.0.1:"), process.communicate()[1][-2000:]
    return process, line.split()[-1]


def get(url: str) -> tuple[list, dict[str, str]]:
    with urllib.request.urlopen(url) as answer:
        return json.load(answer), {name.lower(): value for name, value in answer.headers.items()}


@pytest.mark.parametrize("recorded", [False, True])
def test_the_sandbox_serves_until_it_is_told_to_stop_and_says_what_it_is(tmp_path, recorded):
    words = ["--recorded", str(recorded_dir())] if recorded else ["--scale", "0.02", "--date", "2026-11-20"]
    process, url = serve(tmp_path, *words)
    try:
        rows, headers = get(f"{url}/api/models?limit=3&sort=createdAt")
        assert len(rows) == 3
        if recorded:
            assert headers["x-hubscape-sandbox"] == "recorded" and "x-hubscape-synthetic" not in headers
        else:
            assert headers["x-hubscape-sandbox"] == "synthetic; seed=7; scale=0.02; date=2026-11-20"
            assert headers["x-hubscape-synthetic"] == "true"
        busy = hubscape("sandbox", {}, "--port", url.rsplit(":", 1)[1], "--data-dir", str(tmp_path / "other"))
        assert (busy.returncode, "cannot use port" in busy.stderr) == (1, True)
        same = hubscape("sandbox", {}, "--port", "0", "--data-dir", str(tmp_path))
        assert same.returncode == 1 and "Traceback" not in same.stderr
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert errors == ""


def test_a_folder_without_recorded_rows_is_one_sentence(tmp_path):
    done = hubscape("sandbox", {}, "--port", "0", "--data-dir", str(tmp_path / "hub"), "--recorded", str(tmp_path))

    assert done.returncode == 1
    assert done.stderr.startswith("hubscape: There is no file")


def test_wrong_words_end_with_2(tmp_path):
    assert hubscape("fly", {}).returncode == 2
    assert hubscape("sandbox", {}, "--port", "a-lot").returncode == 2
    assert hubscape("sandbox", {}, "--recorded", str(tmp_path / "none")).returncode == 2


def test_sql_over_the_latest_release_reads_its_tables_and_nothing_else(recorded_run: RecordedRun, tmp_path):
    environment = {"HUBSCAPE_DATA_DIR": str(recorded_run.data_dir)}
    listed = hubscape("query", environment)
    answered = hubscape("query", environment, "select count(*) as papers from fct_papers")
    outside = hubscape("query", environment, "select * from read_text('/etc/hostname')")
    writing = hubscape("query", environment, f"copy fct_papers to '{tmp_path / 'x.csv'}'")
    unlocked = hubscape("query", environment, "set enable_external_access = true")
    nowhere = hubscape("query", {"HUBSCAPE_DATA_DIR": str(tmp_path)}, "select 1")

    package = json.loads((recorded_run.release / "datapackage.json").read_text())
    for resource in package["resources"]:
        assert f"{resource['name']}: one row per {resource['grain']}; {resource['rows']:,} rows" in listed.stdout
    papers = next(r["rows"] for r in package["resources"] if r["name"] == "fct_papers")
    assert f" {papers} " in answered.stdout
    for refused in (outside, writing, unlocked):
        assert refused.returncode == 1 and refused.stderr.startswith("hubscape: DuckDB refused the query: ")
    assert nowhere.returncode == 1 and "There is no release" in nowhere.stderr
    assert not (tmp_path / "x.csv").exists()


def test_recorded_rows_are_not_called_synthetic_but_the_made_up_overviews_are(recorded_run: RecordedRun):
    package = json.loads((recorded_run.release / "datapackage.json").read_text())

    assert package["synthetic"] == ["organizations"]
    assert "SYNTHETIC: a sandbox made up the numbers of organizations." in recorded_run.output
    assert "Synthetic data" in (recorded_run.release / "README.md").read_text()


def test_everything_is_written_into_the_data_folder(recorded_run: RecordedRun):
    written = {path.name for path in recorded_run.data_dir.iterdir()}

    assert {"raw", "release", "warehouse.duckdb", "checks", "dagster"} <= written
    assert not list((recorded_run.data_dir / "release").glob(".*"))
    assert not list((recorded_run.data_dir / "tmp").iterdir())


def test_the_readme_shows_what_a_run_ends_with(recorded_run: RecordedRun):
    def shape(text: str) -> tuple[list[str], list[str]]:
        """Heads of the table, and the words that the lines below it begin with."""
        lines = text.splitlines()
        heads = next(re.findall(r"┃ +([a-z ]*[a-z])", line) for line in lines if line.startswith("┃"))
        below = lines[next(at for at, line in enumerate(lines) if line.startswith("└")) + 1 :]
        return heads, [line.split()[0] for line in below if line.strip()]

    readme = (PROJECT / "README.md").read_text()
    blocks = re.findall(r"^```([a-z]*)\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    (shown,) = [text for language, text in blocks if not language]
    assert shape(shown) == shape(recorded_run.output)
    assert len({len(line) for line in shown.splitlines() if line[0] in "│┏└"}) == 1
