"""Suites of the marts: what must be true of one table of the warehouse, whatever the snapshot.

Relations between tables and between rows (a count never above another one) are tests of the dbt project.
"""

from collections.abc import Mapping

from expectations.rules import Rule, key_unique, no_rows, row_count_at_least, table_holds

SUBJECT_TYPES = "model handle organization company family country"
RELATIONS = "all finetune adapter quantized merge"
DEFINITIONS = "edges direct direct_external transitive transitive_external fractional declared tagged"
DATE_PRECISIONS = "day month year"
VERDICTS = "passed warned failed"
# An id as the Hub gives them, or what staging puts in the place of one that is malformed or missing.
SAFE_ROW_KEY = r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?|sha256:[0-9a-f]+|\((missing|private)\)"
MAX_ROW_KEY_CHARACTERS = 200
MAX_TITLE_CHARACTERS = 1000
DEFAULT_MAX_QUARANTINED_SHARE = 0.05


def fct_derivative_counts() -> list[Rule]:
    """Grain: snapshot x subject x relation x definition."""
    key = ("snapshot_date", "subject_type", "subject", "relation", "definition")
    misplaced = "definition = 'tagged' and subject_type <> 'family'"
    return [
        row_count_at_least(1),
        key_unique(key),
        _in_set("subject_type", SUBJECT_TYPES, key),
        _in_set("relation", RELATIONS, key),
        _in_set("definition", DEFINITIONS, key),
        no_rows("values_at_least", "coalesce(value < 0, true)", key, "at least 0", "value"),
        no_rows("tagged_only_for_families", misplaced, key, "tagged counts of families alone", "definition"),
    ]


def fct_organization_snapshots() -> list[Rule]:
    """Grain: snapshot x handle."""
    key = ("snapshot_date", "handle")
    known = "concat(count(followers_count), ' organizations with followers')"
    some = "at least one organization with followers"
    return [
        row_count_at_least(1),
        key_unique(key),
        no_rows("values_at_least", "followers_count < 0", key, "null or at least 0", "followers_count"),
        no_rows("ranks_at_least_one", "least(*columns('_rank$')) < 1", key, "every rank at least 1"),
        table_holds("any_value_known", "count(followers_count) > 0", known, some, "followers_count"),
    ]


def fct_papers() -> list[Rule]:
    """Grain: paper."""
    key = ("paper_id",)
    # The characters that staging quarantines a row for, so that a row that got past it is a fault of ours.
    control = r"regexp_matches(title, '[\x00-\x1f\x7f]')"
    long, wanted = f"length(title) > {MAX_TITLE_CHARACTERS}", f"at most {MAX_TITLE_CHARACTERS} characters"
    return [
        row_count_at_least(1),
        key_unique(key),
        no_rows("values_at_least", "upvotes < 0", key, "null or at least 0", "upvotes"),
        # A warning: the Hub left it out, and one paper stops no other.
        no_rows("values_not_null", "upvotes is null", key, "no null", "upvotes", "warn"),
        no_rows("no_control_characters", control, key, "no control character", "title"),
        no_rows("lengths_at_most", long, key, wanted, "title"),
    ]


def fct_organization_papers_monthly() -> list[Rule]:
    """Grain: snapshot x month x handle. No row where no paper was seen."""
    key = ("snapshot_date", "month", "handle")
    outside = "coalesce(unlinked_papers_share not between 0 and 1, true)"
    return [
        key_unique(key),
        no_rows("values_between", outside, key, "from 0 to 1", "unlinked_papers_share"),
        no_rows("values_at_least", "coalesce(papers_count < 1, true)", key, "at least 1", "papers_count"),
    ]


def fct_milestones() -> list[Rule]:
    """Grain: milestone."""
    key = ("milestone_id",)
    bare = "coalesce(source_url, '') = '' and coalesce(evidence_type, '') <> 'rule'"
    return [
        row_count_at_least(1),
        key_unique(key),
        _in_set("date_precision", DATE_PRECISIONS, key),
        no_rows("evidence_present", bare, key, "the address of a source, or found by a rule"),
    ]


def dim_organizations() -> list[Rule]:
    """Grain: handle."""
    key, wanted = ("handle",), "null or two to three upper-case letters"
    malformed = "not regexp_full_match(country, '[A-Z][A-Z][A-Z]?')"
    return [key_unique(key), no_rows("country_code_well_formed", malformed, key, wanted, "country")]


def rpt_data_quality() -> list[Rule]:
    """Grain: table x check."""
    key, refused = ("table_name", "check_name"), "verdict = 'failed' and severity = 'error'"
    return [
        row_count_at_least(1),
        key_unique(key),
        _in_set("verdict", VERDICTS, key),
        no_rows("no_failed_error", refused, key, "no failed check of severity error", "verdict"),
    ]


def quarantine(raw_rows: Mapping[str, int], max_share: float = DEFAULT_MAX_QUARANTINED_SHARE) -> list[Rule]:
    """Grain: table x key x rule x reason. `raw_rows`: rows of each raw table before quarantine."""
    key = ("table_name", "row_key", "rule", "reason")
    well_formed = (
        f"regexp_full_match(row_key, '{SAFE_ROW_KEY}') and not contains(row_key, '..') "
        f"and length(row_key) <= {MAX_ROW_KEY_CHARACTERS}"
    )
    counts = {table: f"coalesce(sum(rows_count) filter (where table_name = '{table}'), 0)" for table in raw_rows}
    within = [f"{counts[table]} <= {max_share} * {rows}" for table, rows in raw_rows.items()]
    shown = [f"'{table} ', {counts[table]}, ' of {rows}'" for table, rows in raw_rows.items()] or ["'no raw table'"]
    observed = "concat(" + ", ', ', ".join(shown) + ")"
    wanted = f"at most {max_share * 100:g} per cent of each raw table"
    return [
        key_unique(key),
        no_rows("row_key_well_formed", f"not coalesce({well_formed}, false)", key, "no free text", "row_key"),
        no_rows("values_not_null", "reason is null", key, "no null", "reason"),
        table_holds("quarantined_share_at_most", " and ".join(within) or "true", observed, wanted),
    ]


_SUITES = {
    suite.__name__: suite
    for suite in (
        fct_derivative_counts,
        fct_organization_snapshots,
        fct_papers,
        fct_organization_papers_monthly,
        fct_milestones,
        dim_organizations,
        rpt_data_quality,
    )
}
MART_TABLES = (*_SUITES, "quarantine")


def suites(
    raw_rows: Mapping[str, int], max_quarantined_share: float = DEFAULT_MAX_QUARANTINED_SHARE
) -> dict[str, list[Rule]]:
    """The rules of every mart by table. `raw_rows`: rows of each raw table of the snapshot, before quarantine."""
    return {table: suite() for table, suite in _SUITES.items()} | {
        "quarantine": quarantine(raw_rows, max_quarantined_share)
    }


def _in_set(column: str, values: str, key: tuple[str, ...]) -> Rule:
    allowed = values.split()
    listed = ", ".join(f"'{value}'" for value in allowed)
    outside = f"coalesce({column} not in ({listed}), true)"
    return no_rows("values_in_set", outside, key, f"one of {', '.join(allowed)}", column)
