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
EDGE_STATUSES = "resolved renamed self_loop unresolved not_a_repo_id"
EDGE_RELATIONS = "untyped finetune adapter quantized merge"
REPO_TYPES = "model dataset space"
SIZE_CLASSES = "under_1b 1b_to_5b 5b_to_10b 10b_to_50b 50b_to_100b 100b_to_250b over_250b unknown none"
LICENCE_CLASSES = "permissive copyleft restricted noncommercial other none"
RANKINGS = "model_likes handle_followers"
COUNTRY_RULES = "headquarters international base_model"
CLAIM_VERDICTS = "reproduced contradicted outside_snapshot external sandbox"
COMPARATORS = "= >= ~"
WINDOW_METRICS = (
    "hub_new_models handle_new_models handle_new_derivatives handle_new_papers "
    "followers_gained downloads_gained likes_gained"
)
LINK_TYPES = "paper_model paper_dataset paper_space model_derivative dataset_model model_space dataset_space"
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
    bare = (
        "case evidence_type when 'source' then coalesce(source_url, '') = '' "
        "when 'rule' then coalesce(rule, '') = '' else true end"
    )
    return [
        row_count_at_least(1),
        key_unique(key),
        _in_set("date_precision", DATE_PRECISIONS, key),
        no_rows("evidence_present", bare, key, "a source with its address, or a rule by its name"),
    ]


def fct_milestone_windows() -> list[Rule]:
    """Grain: snapshot x milestone x metric x window."""
    key = ("snapshot_date", "milestone_id", "metric", "window_days")
    # Gains may be losses; what is counted is never less than nothing.
    negative = "metric not like '%gained' and least(value_before, value_after, ratio) < 0"
    partial = "is_complete is distinct from (value_before is not null and value_after is not null)"
    return [
        row_count_at_least(1),
        key_unique(key),
        _in_set("metric", WINDOW_METRICS, key),
        _in_set("window_days", "30 90", key),
        no_rows("values_at_least", negative, key, "null or at least 0 where something is counted"),
        no_rows("complete_or_null", partial, key, "both values where the data cover the window, else none"),
    ]


def fct_ecosystem_links() -> list[Rule]:
    """Grain: snapshot x link. No row where nothing is linked."""
    key = ("snapshot_date", "link_type", "from_id", "to_id", "relation")
    misplaced = "(link_type = 'model_derivative') is distinct from (relation <> 'none')"
    return [
        key_unique(key),
        _in_set("link_type", LINK_TYPES, key),
        no_rows("relation_only_of_derivatives", misplaced, key, "a relation for derivatives alone", "relation"),
        no_rows("values_not_null", "evidence is null", key, "no null", "evidence"),
    ]


def rpt_chain_coverage() -> list[Rule]:
    """Grain: snapshot x organization."""
    key, negative = ("snapshot_date", "organization"), "coalesce(least(*columns('_count$')) < 0, true)"
    return [
        row_count_at_least(1),
        key_unique(key),
        no_rows("counts_at_least", negative, key, "every count at least 0"),
    ]


def rpt_claims() -> list[Rule]:
    """Grain: snapshot x claim."""
    key = ("snapshot_date", "claim_id")
    unreasoned = "(verdict = 'outside_snapshot') is distinct from (reason is not null)"
    return [
        row_count_at_least(1),
        key_unique(key),
        _in_set("verdict", CLAIM_VERDICTS, key),
        _in_set("comparator", COMPARATORS, key),
        no_rows("reason_present", unreasoned, key, "a reason exactly where the snapshots do not cover the claim"),
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


def fct_lineage_edges() -> list[Rule]:
    """Grain: snapshot x child x parent x relation."""
    key = ("snapshot_date", "child_key", "parent", "relation")
    misjudged = "is_counted and (status not in ('resolved', 'renamed') or relation = 'untyped' or parent_key is null)"
    return [
        key_unique(key),
        _in_set("status", EDGE_STATUSES, key),
        _in_set("relation", EDGE_RELATIONS, key),
        no_rows("counted_edges_are_found", misjudged, key, "a found parent and a relation", "is_counted"),
    ]


def fct_lineage_roots() -> list[Rule]:
    """Grain: snapshot x descendant x root."""
    key = ("snapshot_date", "descendant_key", "root_key")
    outside = "coalesce(share not between 0 and 1 or depth < 1 or descendant_key = root_key, true)"
    return [key_unique(key), no_rows("roots_are_others", outside, key, "another model and a share from 0 to 1")]


def rpt_registry_gaps() -> list[Rule]:
    """Grain: snapshot x handle. No row where the registry has everybody who matters."""
    key = ("snapshot_date", "handle")
    best = "least(downloads_30d_rank, followers_rank, derivatives_direct_external_rank)"
    outside = f"coalesce({best} not between 1 and 500, true)"
    return [key_unique(key), no_rows("ranks_between", outside, key, "at least one rank, from 1 to 500")]


def dim_repos() -> list[Rule]:
    """Grain: repo."""
    key = ("repo_type", "repo_key")
    return [
        row_count_at_least(1),
        key_unique(key),
        _in_set("repo_type", REPO_TYPES, key),
        _in_set("size_class", SIZE_CLASSES, key),
        _in_set("licence_class", LICENCE_CLASSES, key),
    ]


def fct_renames() -> list[Rule]:
    """Grain: snapshot x repo. No row where nothing was renamed."""
    key, same = ("snapshot_date", "repo_type", "repo_key"), "coalesce(former_id = repo_id, true)"
    return [key_unique(key), no_rows("ids_differ", same, key, "another id than before", "repo_id")]


def fct_tombstones() -> list[Rule]:
    """Grain: snapshot x repo. No row where nothing disappeared."""
    key, late = ("snapshot_date", "repo_type", "repo_key"), "coalesce(last_seen_date >= snapshot_date, true)"
    return [
        key_unique(key),
        _in_set("repo_type", REPO_TYPES, key),
        no_rows("seen_before", late, key, "a day before the snapshot", "last_seen_date"),
    ]


def fct_top_ten_entries() -> list[Rule]:
    """Grain: snapshot x ranking x subject. No row where both top tens stayed as they were."""
    key, outside = ("snapshot_date", "ranking", "subject"), "coalesce(subject_rank not between 1 and 10, true)"
    return [
        key_unique(key),
        _in_set("ranking", RANKINGS, key),
        no_rows("values_between", outside, key, "from 1 to 10", "subject_rank"),
    ]


def fct_download_concentration() -> list[Rule]:
    """Grain: snapshot x kind of repo x counter."""
    key = ("snapshot_date", "repo_type", "metric")
    return [key_unique(key), _in_set("repo_type", "model dataset", key), _shares_between(key)]


def fct_country_snapshots() -> list[Rule]:
    """Grain: snapshot x country rule x country."""
    key = ("snapshot_date", "country_rule", "country")
    return [row_count_at_least(1), key_unique(key), _in_set("country_rule", COUNTRY_RULES, key), _shares_between(key)]


def fct_country_monthly() -> list[Rule]:
    """Grain: snapshot x month x country rule x country."""
    key = ("snapshot_date", "month", "country_rule", "country")
    return [key_unique(key), _in_set("country_rule", COUNTRY_RULES, key), _shares_between(key)]


def fct_organization_releases_monthly() -> list[Rule]:
    """Grain: snapshot x month x organization x kind x modality x size class x licence class."""
    key = ("snapshot_date", "month", "organization", "repo_type", "modality", "size_class", "licence_class")
    none = "coalesce(repos_count < 1, true)"
    return [
        key_unique(key),
        _in_set("size_class", SIZE_CLASSES, key),
        no_rows("values_at_least", none, key, "at least 1", "repos_count"),
    ]


def fct_model_adoption() -> list[Rule]:
    """Grain: model x adoption day."""
    key = ("repo_key", "adoption_day")
    far = "coalesce(age_days not between adoption_day and adoption_day + greatest(1, adoption_day // 7) - 1, true)"
    return [
        key_unique(key),
        no_rows("age_near_day", far, key, "the day, or less than a seventh of it more", "age_days"),
        no_rows("values_at_least", "coalesce(downloads_all_time < 0, true)", key, "at least 0", "downloads_all_time"),
    ]


def fct_relative_adoption() -> list[Rule]:
    """Grain: snapshot x model x adoption day x baseline. No row before there are two snapshots."""
    key = ("snapshot_date", "repo_key", "adoption_day", "baseline")
    return [
        key_unique(key),
        _in_set("baseline", "tenth median_of_ten", key),
        no_rows("values_at_least", "relative_adoption < 0", key, "null or at least 0", "relative_adoption"),
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
        fct_milestone_windows,
        fct_ecosystem_links,
        rpt_chain_coverage,
        rpt_claims,
        dim_organizations,
        rpt_data_quality,
        fct_lineage_edges,
        fct_lineage_roots,
        rpt_registry_gaps,
        dim_repos,
        fct_renames,
        fct_tombstones,
        fct_top_ten_entries,
        fct_download_concentration,
        fct_country_snapshots,
        fct_country_monthly,
        fct_organization_releases_monthly,
        fct_model_adoption,
        fct_relative_adoption,
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


def _shares_between(key: tuple[str, ...]) -> Rule:
    shares = "*columns('_share$|^gini$')"
    outside = f"least({shares}) < 0 or greatest({shares}) > 1"
    return no_rows("shares_between", outside, key, "every share null or from 0 to 1")
