"""Checks with the rows that they tested and found at fault, and what was left out for which reason."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from tests.independent.changes import same_repos
from tests.independent.lineage import Lineage
from tests.independent.registry import Registry, Row, handle_of
from tests.independent.repos import KINDS, Classes
from tests.independent.rows import REPO_TABLES, RULES, Kept, instant
from tests.independent.sizes import is_implausible

Checks = dict[tuple[str, str], tuple[int, int]]
"""Rows tested and rows at fault, by check and table."""
Repos = Mapping[tuple[str, str], Row]
"""Rows of dim_repos by kind and key."""

UNCOUNTED = ("self_loop", "unresolved", "not_a_repo_id")
_TABLES = {kind: table for table, kind in KINDS.items()}


def quarantine_rows(settled: Kept, lineage: Lineage) -> list[Row]:
    """Rows of quarantine: refused raw rows, and edges that do not count because of their status."""
    counts = Counter(settled.refused)
    for edge in lineage.edges:
        if edge.status in UNCOUNTED:
            rule = f"edge_{edge.status}"
            counts["lineage_edges", lineage.models[edge.child]["id"], rule, rule] += 1
    names = ("table_name", "row_key", "rule", "reason")
    return [{**dict(zip(names, key, strict=True)), "rows_count": count} for key, count in counts.items()]


def checks(settled: Kept, lineage: Lineage, asked_handles: int) -> Checks:
    """Checks of the snapshot's own rows and edges."""
    raw, kept = settled.raw_rows, settled.kept
    found: Checks = {}
    for table, rules in RULES.items():
        by_rule = Counter[str]()
        for (refused, _, rule, _), count in settled.refused.items():
            if refused == table:
                by_rule[rule] += count
        found |= {(f"quarantined_{rule}", table): (raw[table], by_rule[rule]) for rule in rules}
        found["raw_rows_kept_or_quarantined", table] = found["raw_table_complete", table] = (raw[table], 0)
    found["organization_not_found", "organizations"] = (asked_handles, asked_handles - raw["organizations"])
    models = kept["models"].values()
    found["parameter_count_implausible", "models"] = (len(models), sum(map(is_implausible, models)))
    found["model_in_lineage_cycle", "models"] = (len(models), len(lineage.on_cycles))
    for table in REPO_TABLES:
        rows = kept[table].values()
        found["updated_before_created", table] = (len(rows), sum(map(_is_updated_before_created, rows)))
    return found | _edge_checks(lineage)


def _is_updated_before_created(row: Row) -> bool:
    created, modified = instant(row.get("createdAt")), instant(row.get("lastModified"))
    return bool(created and modified and modified < created)


def _edge_checks(lineage: Lineage) -> Checks:
    edges = lineage.edges
    found = {
        (f"edge_{status}", "lineage_edges"): (len(edges), sum(edge.status == status for edge in edges))
        for status in UNCOUNTED
    }
    declared = sum(edge.relation is None for edge in edges)
    found["edge_declared_without_relation", "lineage_edges"] = (len(edges), declared)
    younger = sum(map(lineage.is_younger_parent, lineage.counted))
    found["parent_created_after_child", "lineage_edges"] = (len(lineage.counted), younger)
    return found


def comparison_checks(repos: Repos, before: Repos, tombstones: Iterable[Row], classes: Classes) -> Checks:
    """Checks against the release before, and against the registry's classes."""
    found: Checks = {}
    then_of = same_repos(repos, before)
    gone = {(row["repo_type"], row["repo_key"]) for row in tombstones}
    for kind, table in _TABLES.items():
        own = {key: repo for key, repo in repos.items() if key[0] == kind}
        found["repo_came_back", table] = (len(own), len(own.keys() & gone))
        counters = ["likes"] if kind == "space" else ["likes", "downloads_all_time"]
        for counter in counters:
            pairs = list(_pairs(own, before, then_of, counter))
            found[f"{counter}_fell", table] = (len(pairs), sum(now < then for then, now in pairs))
        if kind != "space":
            pairs = list(_pairs(own, before, then_of, "downloads_30d"))
            frozen = all(then == now for then, now in pairs)
            found["downloads_frozen", table] = (len(pairs), len(pairs) if frozen else 0)
    modified = {key: repo["last_modified_at"] for key, repo in repos.items() if repo["last_modified_at"]}
    then = {key: before[then_of[key]]["last_modified_at"] for key in modified.keys() & then_of.keys()}
    unchanged = {key: repos[key] for key, at in then.items() if at == modified[key]}
    pairs = list(_pairs(unchanged, before, then_of, "stored_parameters_count"))
    found["parameters_counted_anew", "models"] = (len(pairs), sum(now != then for then, now in pairs))
    models = [repo for repo in repos.values() if repo["repo_type"] == "model"]
    for column, check, known in (
        ("pipeline_tag", "pipeline_tag_unknown", classes.modalities),
        ("licence", "licence_unknown", classes.licences),
    ):
        said = [repo[column] for repo in models if repo[column] is not None]
        found[check, "models"] = (len(said), sum(value not in known for value in said))
    return found


def _pairs(
    repos: Repos, before: Repos, then_of: Mapping[tuple[str, str], tuple[str, str]], counter: str
) -> Iterator[tuple[int, int]]:
    """Then and now of the repos that both have and whose counter both have."""
    for key, repo in repos.items():
        if key in then_of:
            then, now = before[then_of[key]][counter], repo[counter]
            if then is not None and now is not None:
                yield then, now


def top_handles(models: Iterable[Row], count: int) -> set[str]:
    """Handles in lower case with the most downloads of the last 30 days, ties by handle."""
    downloads = Counter[str]()
    for row in models:
        if handle := handle_of(row["id"]):
            downloads[handle] += row.get("downloads") or 0
    return {handle.lower() for handle in sorted(downloads, key=lambda handle: (-downloads[handle], handle))[:count]}


def asked_handles(models: Iterable[Row], registry: Registry, top: int) -> int:
    """How many overviews a crawl asks for: of the registry's handles and the most downloaded ones."""
    return len(registry.periods.keys() | top_handles(models, top))
