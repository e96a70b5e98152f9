"""`hubscape query` as people use it: answers in every format, published releases, questions, the prompt."""

import csv
import datetime as dt
import fcntl
import io
import json
import os
import pty
import re
import select
import shutil
import signal
import statistics
import subprocess
import sys
import termios
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from orchestration.commands.query import connect, latest_release
from orchestration.ground.text import for_terminal
from orchestration.release import questions
from tests.days import FIRST, MONTHS, RECORDED_REPO, SECOND, RecordedRun, TwoMonths, made_up
from tests.hubscape import clean_environment, hubscape, in_process, start
from tests.support import PATIENCE, PROJECT

TAG = f"snapshot-{FIRST}"
ODD = """select 'a,"b"' as text, 'Ü' || chr(10) || 'x' as lines, 9007199254740993 as big, 0.1 as tenth,
cast(null as varchar) as nothing, date '2026-11-20' as day; -- a ; in a comment"""


def rows(release: Path, name: str) -> list[dict[str, Any]]:
    path = release / "data" / name / f"{name}.parquet"
    return pq.read_table(path).to_pylist() if path.exists() else []


def ask(environment: dict[str, str], *words: str) -> list[dict[str, Any]]:
    """What a question is answered."""
    done = in_process("query", environment, *words, "--format", "json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def ask_published(environment: dict[str, str], *words: str) -> list[dict[str, Any]]:
    """What a question to a published dataset is answered, by a process that knows no Hub but that of its variables."""
    done = hubscape("query", environment, *words, "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_an_answer_is_the_same_in_every_format(recorded_run: RecordedRun, tmp_path):
    environment = {"HUBSCAPE_DATA_DIR": str(recorded_run.data_dir)}
    expected = {"text": 'a,"b"', "lines": "Ü\nx", "big": 9007199254740993, "tenth": 0.1, "nothing": None}

    printed = hubscape("query", environment, ODD, "--format", "csv").stdout
    assert list(csv.DictReader(io.StringIO(printed))) == [
        {**{name: "" if value is None else str(value) for name, value in expected.items()}, "day": "2026-11-20"}
    ]
    assert ask(environment, ODD) == [{**expected, "day": "2026-11-20"}]
    for name in ("answer.csv", "answer.json", "answer.parquet", "answer.txt"):
        done = hubscape("query", environment, ODD, "--output", str(tmp_path / name))
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"answer.{s}" for s in ("csv", "json", "parquet", "txt")
    ]
    assert (tmp_path / "answer.csv").read_text() == printed
    assert json.loads((tmp_path / "answer.json").read_text()) == [{**expected, "day": "2026-11-20"}]
    table = pq.read_table(tmp_path / "answer.parquet").to_pylist()
    assert [{**row, "tenth": float(row["tenth"])} for row in table] == [{**expected, "day": dt.date(2026, 11, 20)}]
    assert "Ü\\nx" in (tmp_path / "answer.txt").read_text()  # on one line, as a table has to be
    assert not list((recorded_run.data_dir / "tmp").iterdir())


def test_a_file_is_there_whole_or_stays_as_it_was(recorded_run: RecordedRun, tmp_path):
    environment = {"HUBSCAPE_DATA_DIR": str(recorded_run.data_dir)}
    kept = tmp_path / "kept.csv"
    kept.write_text("before")
    failing = "select cast(title as integer) from fct_papers"
    refused = hubscape("query", environment, failing, "--output", str(kept))
    nowhere = hubscape("query", environment, "select 1", "--output", str(tmp_path / "none" / "x.csv"))

    assert refused.returncode == 1 and refused.stderr.startswith("hubscape: DuckDB refused the query: ")
    assert nowhere.returncode == 1 and "cannot be written" in nowhere.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["kept.csv"] and kept.read_text() == "before"


def test_a_table_shows_its_first_rows_or_all_of_them(recorded_run: RecordedRun):
    environment = {"HUBSCAPE_DATA_DIR": str(recorded_run.data_dir)}
    sql = "select range as number from range(70)"
    shown = {
        words: hubscape("query", environment, sql, *words).stdout for words in ((), ("--limit", "3"), ("--limit", "0"))
    }

    def numbers(text: str) -> list[int]:
        return [int(line.strip("│ ")) for line in text.splitlines() if line.startswith("│")]

    assert numbers(shown[()]) == list(range(50)) and "The first 50 rows" in shown[()]
    assert numbers(shown[("--limit", "3")]) == [0, 1, 2] and "The first 3 rows" in shown[("--limit", "3")]
    assert numbers(shown[("--limit", "0")]) == list(range(70)) and "The first" not in shown[("--limit", "0")]


def test_sql_comes_from_standard_input_too_and_one_select_is_answered_at_a_time(recorded_run: RecordedRun):
    def piped(sql: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "orchestration.cli", "query", "--format", "csv"],
            input=sql,
            env=clean_environment({"HUBSCAPE_DATA_DIR": str(recorded_run.data_dir)}),
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )

    assert piped("select 40 + 2 as answer;\n").stdout == "answer\n42\n"
    two, writing = piped("select 1; select 2"), piped("create table t as select 1")
    assert (two.returncode, "One select is answered at a time" in two.stderr) == (1, True)
    assert (writing.returncode, "only select is allowed" in writing.stderr) == (1, True)


def test_one_table_is_listed_with_the_type_and_meaning_of_each_column(recorded_run: RecordedRun):
    environment = {"HUBSCAPE_DATA_DIR": str(recorded_run.data_dir)}
    package = json.loads((recorded_run.release / "datapackage.json").read_text())
    resource = next(r for r in package["resources"] if r["name"] == "fct_papers")
    listed = hubscape("query", environment, "--list", "fct_papers").stdout
    everything = hubscape("query", environment, "--list").stdout

    lines = [[cell.strip() for cell in line.strip("│").split("│")] for line in listed.splitlines() if line[0] == "│"]
    assert lines == [[f["name"], f["type"], f["description"]] for f in resource["schema"]["fields"]]
    assert listed.startswith(f"fct_papers: one row per snapshot x paper; {resource['rows']:,} rows\n")
    for name in questions.read_questions():
        assert f"    {name}: " in everything


def test_a_table_without_rows_can_be_asked_all_the_same(recorded_run: RecordedRun):
    environment = {"HUBSCAPE_DATA_DIR": str(recorded_run.data_dir)}
    empty = json.loads((recorded_run.release / "datapackage.json").read_text())["empty_tables"]
    assert "fct_tombstones" in empty  # a first release has nothing to compare with
    assert ask(environment, f"select count(*) as n, typeof(max(likes)) as t from {empty[-1] and 'fct_tombstones'}") == [
        {"n": 0, "t": "BIGINT"}
    ]
    assert (
        "fct_tombstones: one row per snapshot x repo; no rows in this release" in hubscape("query", environment).stdout
    )
    assert (
        "No rows. Nothing is known to have disappeared"
        in hubscape("query", environment, "--ask", "what_disappeared").stdout
    )


def test_wrong_words_end_with_2(recorded_run: RecordedRun, tmp_path):
    environment = {"HUBSCAPE_DATA_DIR": str(recorded_run.data_dir)}
    for words in (
        ("select 1", "--format", "xml"),
        ("select 1", "--format", "parquet"),
        ("select 1", "--output", str(tmp_path / "x.doc")),
        ("select 1", "--format", "csv", "--limit", "3"),
        ("select 1", "--ask", "what_disappeared"),
        ("--ask", "what_is_love"),
        ("--list", "fct_nothing"),
        ("select 1", "--repo", "no-slash"),
    ):
        done = hubscape("query", environment, *words)
        assert done.returncode == 2 and "Traceback" not in done.stderr, (words, done.stderr)


def test_a_query_is_bounded_in_memory_and_spills_into_the_data_folder(recorded_run: RecordedRun):
    environment = {"HUBSCAPE_DATA_DIR": str(recorded_run.data_dir), "HUBSCAPE_MEMORY_LIMIT": "360MB"}
    setting = ask(environment, "select current_setting('memory_limit') as a, current_setting('temp_directory') as b")
    # 120 MB and some; 240 MB of text have to be sorted.
    big = ask(
        environment,
        "select max(n) as n, count(*) as c from (select row_number() over (order by text) as n, text from "
        "(select cast(hash(range) as varchar) || repeat('x', 80) as text from range(2400000)))",
    )

    assert setting[0]["a"].startswith("114.4") and setting[0]["b"].startswith(f"{recorded_run.data_dir}/tmp/query-")
    assert big == [{"n": 2_400_000, "c": 2_400_000}]
    assert not list((recorded_run.data_dir / "tmp").iterdir())


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A command inherits that its parent ignores Ctrl-C, as tests that run in the background do."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("seconds", [0, 0.5, 4])  # before the work, at its beginning, within a long operator
def test_ctrl_c_stops_a_query(recorded_run: RecordedRun, interruptible: None, seconds: float):
    endless = "select count(*) from range(10000000) a, range(10000000) b where hash(a.range) < hash(b.range)"
    process = start("query", {"HUBSCAPE_DATA_DIR": str(recorded_run.data_dir)}, endless)
    deadline = time.monotonic() + PATIENCE
    while not list((recorded_run.data_dir / "tmp").glob("query-*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    try:
        _, errors = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()

    assert (process.returncode, errors) == (130, "hubscape: interrupted\n")
    assert not list((recorded_run.data_dir / "tmp").iterdir())


def test_the_next_query_clears_up_after_a_killed_one(recorded_run: RecordedRun, tmp_path):
    endless = "select count(*) from range(10000000) a, range(10000000) b where hash(a.range) < hash(b.range)"
    environment, tmp = {"HUBSCAPE_DATA_DIR": str(tmp_path)}, tmp_path / "tmp"
    shutil.copytree(recorded_run.data_dir / "release", tmp_path / "release")
    with start("query", environment, endless) as process:
        try:
            deadline = time.monotonic() + PATIENCE
            while not (found := list(tmp.glob("query-*"))) and time.monotonic() < deadline:
                time.sleep(0.05)
            assert ask(environment, "select 1 as one") == [{"one": 1}]
            assert found and found == list(tmp.iterdir()), "the other query is alive"
        finally:
            process.kill()
    assert found == list(tmp.iterdir())
    assert ask(environment, "select 2 as two") == [{"two": 2}] and not list(tmp.iterdir())


def test_what_strangers_wrote_cannot_steer_a_terminal(recorded_run: RecordedRun):
    shown = hubscape(
        "query",
        {"HUBSCAPE_DATA_DIR": str(recorded_run.data_dir)},
        "select chr(27) || '[2J[bold]x' || chr(8238) as name",
    ).stdout

    assert "\\x1b[2J[bold]x\\u202e" in shown and "\x1b" not in shown and "\u202e" not in shown
    assert for_terminal("Ünïcode — 模型") == "Ünïcode — 模型"


def test_a_published_release_is_asked_at_a_tag_and_fetched_once(months: TwoMonths, tmp_path):
    environment = {**months.variables, "HUBSCAPE_DATA_DIR": str(tmp_path)}
    environment.pop("HUBSCAPE_PUBLISH_REPO")
    days = "select max(snapshot_date) as day from dim_repos"
    then = ask_published(environment, days, "--repo", months.machine.repo, "--at", TAG)
    before = len(months.hub.requests)
    again = ask_published(environment, days, "--repo", months.machine.repo, "--at", TAG)
    asked = months.hub.requests[before:]
    now = ask_published(environment, days, "--repo", months.machine.repo)

    assert (then, now) == ([{"day": f"{FIRST}"}], [{"day": f"{SECOND}"}]) and again == then
    assert [path for _, path in asked if "/resolve/" in path or "/tree/" in path] == []
    assert len(asked) <= 2, asked
    commits = list((tmp_path / "cache" / "published" / months.machine.repo.replace("/", "--")).iterdir())
    assert len(commits) == 2 and not (tmp_path / "release").exists()
    kept = next(commit for commit in commits if (commit / f"{FIRST}").is_dir())
    down = {**environment, "HF_ENDPOINT": "http://127.0.0.1:9"}
    assert ask_published(down, days, "--repo", months.machine.repo, "--at", kept.name) == then
    unreached = hubscape("query", down, days, "--repo", months.machine.repo, "--at", TAG)
    assert unreached.returncode == 1 and "could not be reached" in unreached.stderr
    missing = hubscape("query", environment, days, "--repo", months.machine.repo, "--at", "v9")
    assert missing.returncode == 1 and "has no revision v9" in missing.stderr


def test_a_published_release_that_is_not_as_it_says_is_refused(recorded_run: RecordedRun, tmp_path):
    api = recorded_run.hub.api()
    damaged = recorded_run.release / "data" / "rpt_claims" / "rpt_claims.parquet"
    other = damaged.read_bytes().replace(b"PAR1", b"PAR2", 1)
    commit = api.upload_file(
        path_or_fileobj=other,
        path_in_repo="data/rpt_claims/rpt_claims.parquet",
        repo_id=RECORDED_REPO,
        repo_type="dataset",
        revision="main",
    )
    done = hubscape(
        "query",
        {**recorded_run.environment, "HUBSCAPE_DATA_DIR": str(tmp_path)},
        "select 1",
        "--at",
        commit.oid,
    )

    assert done.returncode == 1 and "rpt_claims.parquet is not the file that was listed" in done.stderr
    assert not (tmp_path / "cache").exists() and not list((tmp_path / "tmp").iterdir())


def test_every_question_is_answered_over_recorded_and_over_made_up_rows(recorded_run: RecordedRun, months: TwoMonths):
    known = questions.read_questions()
    assert len(known) >= 25
    for data_dir, expected_empty in (
        (recorded_run.data_dir, {"who_gained_followers", "what_disappeared", "renamed_and_disappeared"}),
        (months.machine.data_dir, set()),
    ):
        with connect(*latest_release(data_dir)) as release:
            empty = {name for name, question in known.items() if not questions.ask(release, question).rows}
        assert empty - {"contradicted_claims"} == expected_empty, data_dir


def test_who_gained_followers_and_what_disappeared_are_what_changed_between_the_two_snapshots(months: TwoMonths):
    environment = {"HUBSCAPE_DATA_DIR": str(months.machine.data_dir)}
    hubs = [made_up(day) for day in MONTHS]
    answered = ask(environment, "--ask", "who_gained_followers")
    then, now = ({handle: o["numFollowers"] for handle, o in hub.organizations.items()} for hub in hubs)

    assert answered
    gains = [row["followers_change_30d"] for row in answered]
    assert gains == sorted(gains, reverse=True)
    for row in answered:
        handle = row["handle"].lower()
        assert row["followers_change_30d"] == now[handle] - then[handle], handle
        assert row["change_30d_gap_days"] == 31

    kinds = {"model": "models", "dataset": "datasets", "space": "spaces"}
    gone = {}
    for kind, name in kinds.items():
        kept = {row["_id"] for row in getattr(hubs[1], name)}
        gone |= {(kind, row["id"]): row.get("downloads") for row in getattr(hubs[0], name) if row["_id"] not in kept}
    told = {
        (row["repo_type"], row["repo_id"]): row["downloads_30d"]
        for row in ask(environment, "--ask", "what_disappeared")
    }
    assert len(told) == min(50, len(gone)) > 0
    assert all(gone[key] == downloads for key, downloads in told.items())
    least = min(downloads or 0 for downloads in told.values())
    assert all((downloads or 0) <= least for key, downloads in gone.items() if key not in told)


def test_answers_over_recorded_rows_are_those_of_the_tables(recorded_run: RecordedRun):
    environment, release = {"HUBSCAPE_DATA_DIR": str(recorded_run.data_dir)}, recorded_run.release

    families = {"Qwen": "qwen", "Llama": "llama", "DeepSeek": "deepseek"}
    counts: dict[str, dict[str, float]] = defaultdict(dict)
    for row in rows(release, "fct_derivative_counts"):
        if row["subject_type"] == "family" and row["relation"] == "all" and row["subject"] in families:
            counts[row["definition"]][row["subject"]] = row["value"]
    told = {row["definition"]: row for row in ask(environment, "--ask", "qwen_against_llama_and_deepseek")}
    assert {d: {name: row[column] for name, column in families.items()} for d, row in told.items()} == counts
    assert len(counts) == 8
    for row in told.values():
        assert row["qwen_over_llama"] == pytest.approx(row["qwen"] / row["llama"])

    accounts = {row["handle"].lower(): row for row in rows(release, "dim_organizations")}
    houses: dict[str, set[str]] = defaultdict(set)
    for edge in rows(release, "fct_lineage_edges"):
        child, parent = (accounts.get(edge[end].split("/")[0].lower()) for end in ("child", "parent"))
        own = child["organization"] if child else edge["child"].split("/")[0]
        if edge["is_counted"] and parent and own != parent["organization"]:
            houses[parent["company"]].add(edge["child_key"])
    (against,) = ask(environment, "--ask", "alibaba_against_google_and_meta")
    assert (against["alibaba"], against["google"], against["meta"]) == tuple(
        len(houses[name]) for name in ("Alibaba", "Google", "Meta")
    )
    assert against["google_and_meta_union"] == len(houses["Google"] | houses["Meta"]) > 0
    assert against["google_and_meta_sum"] == against["google"] + against["meta"]
    by_company = {
        row["subject"]: row["value"]
        for row in rows(release, "fct_derivative_counts")
        if (row["subject_type"], row["relation"], row["definition"]) == ("company", "all", "direct_external")
    }
    assert by_company["Google"] == against["google"] and by_company["Alibaba"] == against["alibaba"]

    named = {row["company"]: row for row in ask(environment, "--ask", "companies_and_their_accounts")}
    assert "Alphabet" in named["Google"]["also_known_as"] and "GoogleDeepMind" in named["Google"]["accounts"]

    votes: dict[str, int] = defaultdict(int)
    for paper in rows(release, "fct_papers"):
        if paper["organization"]:
            votes[paper["company"] or paper["organization"]] += paper["upvotes"] or 0
    popular = ask(environment, "--ask", "most_popular_papers_by_company")
    assert [row["upvotes"] for row in popular] == sorted(votes.values(), reverse=True)[:10]
    assert all(votes[row["company"]] == row["upvotes"] for row in popular)

    windows = {
        row["metric"]: (row["value_before"], row["value_after"])
        for row in rows(release, "fct_milestone_windows")
        if row["milestone_id"] == "2025-01-20-deepseek-r1" and row["window_days"] == 90
    }
    answered = ask(environment, "--ask", "after_deepseek_r1")
    assert {row["metric"]: (row["value_before"], row["value_after"]) for row in answered} == windows and windows

    liked = [row for row in rows(release, "dim_repos") if row["repo_type"] == "model"]
    liked.sort(key=lambda row: (-(row["likes"] or 0), row["repo_id"], row["repo_key"]))
    licences = Counter((row["licence_class"], row["licence"] or "none") for row in liked[:100])
    answered = ask(environment, "--ask", "licences_of_most_liked_models")
    assert {(row["licence_class"], row["licence"]): row["models_count"] for row in answered} == licences

    contradicted = {row["claim_id"] for row in rows(release, "rpt_claims") if row["verdict"] == "contradicted"}
    assert {row["claim_id"] for row in ask(environment, "--ask", "contradicted_claims")} == contradicted


def test_what_came_of_papers_is_what_the_links_lead_to(recorded_run: RecordedRun):
    environment, release = {"HUBSCAPE_DATA_DIR": str(recorded_run.data_dir)}, recorded_run.release
    leads: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in rows(release, "fct_ecosystem_links"):
        leads[row["link_type"]][row["from_id"]].add(row["to_id"])
    papers = sorted(rows(release, "fct_papers"), key=lambda row: (-(row["upvotes"] or 0), row["paper_id"]))

    def derivatives(paper_id: str) -> set[str]:
        return {d for model in leads["paper_model"][paper_id] for d in leads["model_derivative"][model]}

    answered = ask(environment, "--ask", "most_upvoted_papers")
    assert [row["paper_id"] for row in answered] == [row["paper_id"] for row in papers[:20]]
    for row in answered:
        assert row["derivatives_count"] == len(derivatives(row["paper_id"])), row["paper_id"]

    ids = {row["paper_id"] for row in papers}
    steps = [
        len(ids),
        sum(bool(leads["paper_model"][paper]) for paper in ids),
        sum(bool(derivatives(paper)) for paper in ids),
        sum(any(leads["model_space"][d] for d in derivatives(paper)) for paper in ids),
    ]
    reached = ask(environment, "--ask", "how_far_papers_reach")
    assert [row["papers_count"] for row in reached] == steps and steps[1] > 0
    assert [row["papers_share"] for row in reached] == [pytest.approx(step / steps[0]) for step in steps]


def test_concentration_countries_and_gaps_are_of_the_latest_snapshot_alone(months: TwoMonths):
    environment = {"HUBSCAPE_DATA_DIR": str(months.machine.data_dir)}
    downloads = [
        row["downloads_30d"] for row in months.machine.table(SECOND, "dim_repos") if row["repo_type"] == "model"
    ]
    told = ask(environment, "--ask", "concentration_of_downloads")
    models = next(row for row in told if (row["repo_type"], row["metric"]) == ("model", "downloads_30d"))
    assert len({(row["repo_type"], row["metric"]) for row in told}) == len(told)
    top = sorted(downloads, reverse=True)[: -(-len(downloads) // 10)]
    assert models["repos_count"] == len(downloads) and models["downloads_sum"] == sum(downloads)
    assert models["top_10_percent_share"] == pytest.approx(sum(top) / sum(downloads))

    countries = ask(environment, "--ask", "downloads_by_country")
    assert len({row["country"] for row in countries}) == len(countries)
    for rule in ("headquarters_share", "international_share", "base_model_share"):
        assert statistics.fsum(row[rule] or 0 for row in countries) == pytest.approx(1)

    gaps = {row["handle"]: row for row in months.machine.table(SECOND, "rpt_registry_gaps")}
    ranks = ("downloads_30d_rank", "followers_rank", "derivatives_direct_external_rank", "papers_rank")
    best = {handle: min(row[rank] or 501 for rank in ranks) for handle, row in gaps.items()}
    answered = ask(environment, "--ask", "gaps_in_the_registry")
    assert [row["best_rank"] for row in answered] == sorted(best.values())[:20]
    assert all(best[row["handle"]] == row["best_rank"] for row in answered)

    followers = ask(environment, "--ask", "most_followed_organizations")
    latest = [r["followers_count"] for r in months.machine.table(SECOND, "fct_organization_snapshots")
              if r["snapshot_date"] == SECOND and r["followers_count"]]  # fmt: skip
    assert followers[0]["followers_count"] == max(latest)


class Terminal:
    """The command in a terminal of its own."""

    def __init__(self, variables: dict[str, str]) -> None:
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "orchestration.cli", "query"],
            env=clean_environment({**variables, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", "COLUMNS": "120"}),
            cwd=PROJECT,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that Ctrl-C reaches it
        )
        os.close(slave)
        self.seen = ""

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def until(self, pattern: str) -> str:
        """What came up to the pattern, which is not looked at again."""
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.seen)):
            assert time.monotonic() < deadline, f"no {pattern} in {self.seen[-3000:]!r}"
            if select.select([self.master], [], [], 0.2)[0]:
                try:
                    self.seen += os.read(self.master, 65536).decode(errors="replace")
                except OSError:  # how a terminal says that the other end is closed
                    raise AssertionError(f"it ended without {pattern}: {self.seen[-3000:]!r}") from None
        before, self.seen = self.seen[: found.end()], self.seen[found.end() :]
        return before


def test_the_prompt_answers_keeps_its_history_and_outlives_errors(recorded_run: RecordedRun, interruptible: None):
    variables = {"HUBSCAPE_DATA_DIR": str(recorded_run.data_dir)}
    papers = len(rows(recorded_run.release, "fct_papers"))
    with Terminal(variables) as terminal:
        terminal.until("hubscape>")
        terminal.type("select count(*) as papers\r")
        terminal.until(r"\.\.\.>")
        terminal.type("from fct_papers;\r")
        terminal.until(rf"│\s+{papers} │")
        terminal.type("selekt 1;\r")
        terminal.until("DuckDB refused the query")
        terminal.type("drop view fct_papers;\r")
        terminal.until("only select is allowed")
        terminal.type(".ask what_is_love\r")
        terminal.until("There is no question what_is_love")
        terminal.type(".tables fct_papers\r")
        terminal.until("submitted_on_daily_at")
        terminal.until("hubscape>")  # what follows in the list may name the table, too
        terminal.type("select 6 * 7 as x from fct_pap\t")
        terminal.until("fct_pap.*ers")  # the name is completed
        terminal.type(" limit 1;\r")
        terminal.until(r"│ 42 │")
        terminal.type(
            "select count(*) from range(10000000) a, range(10000000) b where hash(a.range) < hash(b.range);\r"
        )
        time.sleep(4)
        terminal.type("\x03")
        terminal.until("Interrupted")
        terminal.until("hubscape>")
        terminal.type("\x04")
        assert terminal.process.wait(timeout=PATIENCE) == 0

    with Terminal(variables) as again:
        again.until("hubscape>")
        again.type("\x1b[A\x1b[A\r")  # the select before the endless one
        again.until(r"│ 42 │")
        again.until("hubscape>")
        again.type(".quit\r")
        assert again.process.wait(timeout=PATIENCE) == 0
    assert not list((recorded_run.data_dir / "tmp").iterdir())
