"""Milestones, curated and detected, and what came before and after them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

from tests.independent.derivatives import tagged_models
from tests.independent.lineage import Lineage
from tests.independent.numbers import as_float, share
from tests.independent.registry import Registry, Row, Seeds, handle_of
from tests.independent.repos import KINDS, dated
from tests.independent.rows import by_spelling, created_date, instant, is_legacy
from tests.independent.sizes import Size

THRESHOLDS = (100, 1_000, 10_000, 100_000)
WINDOWS = (30, 90)
FIRST_CREATION_DATE = date(2022, 3, 2)
_FLOWS = ("hub_new_models", "handle_new_models", "handle_new_derivatives", "handle_new_papers")
_GAINS = {"followers_gained": "followers_count", "downloads_gained": "downloads_all_time", "likes_gained": "likes"}
_BEGINNING = datetime.min.replace(tzinfo=UTC)

Kept = Mapping[str, Mapping[Any, Row]]


def curated_rows(seeds: Seeds, models: Mapping[str, Row]) -> list[Row]:
    """Milestones that come with a source, beside what the snapshot says of their repository."""
    exact, any_case = by_spelling((row["id"], key) for key, row in models.items())
    rows = []
    for seed in seeds["registry_milestones"]:
        repo_id = seed["repo_id"] or None
        key = repo_id and (exact.get(repo_id) or any_case.get(repo_id.lower()))
        repo = models[key] if key else {}
        recorded = seed["hub_created_at"]
        rows.append({
            "milestone_id": seed["milestone_id"],
            "event_date": date.fromisoformat(seed["event_date"]),
            "date_precision": seed["date_precision"],
            "event_type": seed["event_type"],
            "organization": seed["organization"] or None,
            "handle": seed["handle"] or None,
            "repo_id": repo_id,
            "title": seed["title"],
            "recorded_repo_created_date": date.fromisoformat(recorded) if recorded else None,
            "is_repo_observed": bool(repo),
            "repo_created_at": instant(repo.get("createdAt")),
            "is_legacy_import": is_legacy(repo) if repo.get("createdAt") else None,
            "evidence_type": "source",
            "source_url": seed["source_url"] or None,
            "rule": None,
            "subject_type": None,
            "subject": None,
            "threshold": None,
            "value": None,
        })  # fmt: skip
    return rows


def detected_rows(
    kept: Kept, lineage: Lineage, sizes: Mapping[str, Size], registry: Registry, entries: Iterable[Row]
) -> list[Row]:
    """Milestones that the rules find; `entries` are the rows of fct_top_ten_entries of all days."""
    rules = (
        _first_repos(kept, registry),
        _nth_derivatives(lineage, registry),
        _largest_models(lineage, sizes, registry),
        _top_tens(entries, registry, kept["models"]),
    )
    return [row for rule in rules for row in rule]


def _detected(rule: str, subject: tuple[str, str], day: date, **columns: Any) -> Row:
    """A row with the columns that all rules share; those that a rule does not tell are None."""
    return {
        "event_date": day,
        "date_precision": "day",
        "event_type": "detected",
        "organization": None,
        "handle": None,
        "repo_id": None,
        "recorded_repo_created_date": None,
        "is_repo_observed": False,
        "repo_created_at": None,
        "is_legacy_import": None,
        "evidence_type": "rule",
        "source_url": None,
        "rule": rule,
        "subject_type": subject[0],
        "subject": subject[1],
        "threshold": None,
        "value": None,
        **columns,
    }


def _repo_columns(row: Row | None, repo_id: str | None = None) -> Row:
    """What a milestone says of its repository, which the snapshot may no longer hold."""
    seen = row or {}
    return {
        "repo_id": repo_id or seen["id"],
        "is_repo_observed": row is not None,
        "repo_created_at": instant(seen.get("createdAt")),
        "is_legacy_import": is_legacy(seen) if seen.get("createdAt") else None,
    }


def _first_repos(kept: Kept, registry: Registry) -> Iterator[Row]:
    found: dict[str, list[tuple[datetime, str, str, Row]]] = defaultdict(list)
    for table, kind in KINDS.items():
        for row in kept[table].values():
            day = created_date(row)
            account = day and registry.account_of(row["id"], day)
            if account and account.is_registered:
                found[account.organization].append((instant(row["createdAt"]), row["id"], kind, row))
    for organization, repos in found.items():
        if not any(is_legacy(row) for *_, row in repos):
            _, _, kind, first = min(repos, key=lambda repo: repo[:3])
            yield _detected(
                "first_repo",
                ("organization", organization),
                created_date(first),
                milestone_id=f"first_repo:organization:{organization}",
                title=f"First repository of {organization} on the Hub: the {kind} {first['id']}",
                organization=organization,
                handle=registry.account_of(first["id"]).handle,
                **_repo_columns(first),
            )


def _nth_derivatives(lineage: Lineage, registry: Registry) -> Iterator[Row]:
    models = lineage.models
    children: dict[tuple[str, str], set[str]] = defaultdict(set)
    registered = registry.all_subjects
    for edge in lineage.counted:
        child, parent = models[edge.child]["id"], models[edge.parent]["id"]
        if registry.organization(child) != registry.organization(parent):
            for subject in registry.subjects(parent) & registered:
                if subject[0] in ("organization", "family"):
                    children[subject].add(edge.child)
    for subject, keys in children.items():
        order = sorted(keys, key=lambda key: (instant(models[key].get("createdAt")) or _BEGINNING, models[key]["id"]))
        for threshold in THRESHOLDS:
            if len(order) < threshold:
                break
            child = models[order[threshold - 1]]
            if child.get("createdAt") and not is_legacy(child):
                yield _detected(
                    "nth_derivative",
                    subject,
                    created_date(child),
                    milestone_id=f"nth_derivative:{subject[0]}:{subject[1]}:{threshold}",
                    title=f"{subject[1]}: {threshold} models of others derive from it",
                    organization=_organization_of(subject, registry),
                    handle=_only_handle(subject, registry),
                    threshold=threshold,
                    value=float(threshold),
                    **_repo_columns(child),
                )


def _handles_of(subject: tuple[str, str], registry: Registry) -> set[str]:
    """Handles in lower case that the registry puts behind an organization, or that root a family."""
    if subject[0] == "family":
        return set(registry.families[subject[1]].roots)
    return {key for key, account in registry.accounts.items() if account.organization == subject[1]}


def _only_handle(subject: tuple[str, str], registry: Registry) -> str | None:
    handles = _handles_of(subject, registry)
    return registry.account(handles.pop()).handle if len(handles) == 1 else None


def _organization_of(subject: tuple[str, str], registry: Registry) -> str | None:
    """The organization itself; of a family that of its only root handle."""
    if subject[0] == "organization":
        return subject[1]
    handle = _only_handle(subject, registry)
    return registry.account(handle).organization if handle else None


def _largest_models(lineage: Lineage, sizes: Mapping[str, Size], registry: Registry) -> Iterator[Row]:
    descended = {edge.child for edge in lineage.edges if edge.status != "self_loop"}
    roots = {key: row for key, row in lineage.models.items() if key not in descended}
    copies = set()
    for name, keys in tagged_models(roots, registry).items():
        known = {key: sizes[key].count for key in keys if sizes[key].count}
        own = {key for key in known if (handle_of(roots[key]["id"]) or "").lower() in registry.families[name].roots}
        copies |= {
            key
            for key in known.keys() - own
            if any(99 * known[other] <= 100 * known[key] <= 101 * known[other] for other in own)
        }
    # What has no date of its own was there before everything that has one.
    order = sorted(
        (bool(row.get("createdAt")) and not is_legacy(row), instant(row.get("createdAt")) or _BEGINNING, row["id"], key)
        for key, row in roots.items()
        if key not in copies
    )
    largest = unknown = 0
    told = set()
    for is_dated, _, repo_id, key in order:
        count, row = sizes[key].count, roots[key]
        if is_dated and count and 100 * count > 101 * largest and repo_id not in told:
            told.add(repo_id)
            account = registry.account_of(repo_id)
            yield _detected(
                "largest_open_model",
                ("model", repo_id),
                created_date(row),
                milestone_id=f"largest_open_model:{repo_id}",
                title=f"Largest open model so far: {repo_id} with {count} parameters; "
                f"of {unknown} models before it the size is not known",
                organization=account and account.organization,
                handle=account and account.handle,
                value=float(count),
                **_repo_columns(row),
            )
        largest = max(largest, count or 0)
        unknown += count is None


def _top_tens(entries: Iterable[Row], registry: Registry, models: Mapping[str, Row]) -> Iterator[Row]:
    exact, any_case = by_spelling((row["id"], key) for key, row in models.items())
    titles = {
        "top_ten_likes": "Among the ten most liked models: {subject} at rank {subject_rank}",
        "top_ten_followers": "Among the ten most followed organizations: {subject} at rank {subject_rank}",
        "most_liked": "Most liked model: {subject}",
    }
    kinds = {"model_likes": ("top_ten_likes", "model"), "handle_followers": ("top_ten_followers", "handle")}
    for entry in entries:
        rule, kind = kinds[entry["ranking"]]
        rules = [rule] if entry["is_new_entry"] else []
        if entry["is_new_first"] and kind == "model":
            rules.append("most_liked")
        for name in rules:
            subject, day = entry["subject"], entry["snapshot_date"]
            model = models.get(exact.get(subject) or any_case.get(subject.lower()))
            account = registry.account_of(subject) if kind == "model" else registry.account(subject)
            yield _detected(
                name,
                (kind, subject),
                day,
                milestone_id=f"{name}:{subject}:{day}",
                title=titles[name].format(**entry),
                organization=account and account.organization,
                handle=account and account.handle,
                value=float(entry["value"]),
                is_synthetic=entry["is_synthetic"],
                **(_repo_columns(model, subject) if kind == "model" else {}),
            )


# --- windows ----------------------------------------------------------------------------------------------------------


class Windows:
    """What happened on which day, by metric and handle in lower case (None for the whole Hub)."""

    def __init__(
        self,
        lineage: Lineage,
        papers: Mapping[str, Row],
        history: Iterable[Row],
        registry: Registry,
    ) -> None:
        self.day = registry.day
        self.events: dict[tuple[str, str | None], list[date]] = defaultdict(list)
        days = [paper["first_daily_date"] for paper in papers.values()]
        self.first_page, self.last_page = min(days, default=date.max), max(days, default=date.min)
        self.accounts: dict[str, dict[date, Row]] = defaultdict(dict)
        for row in history:
            self.accounts[row["handle"].lower()][row["snapshot_date"]] = row
        for paper in papers.values():
            if paper["handle"]:
                self.events["handle_new_papers", paper["handle"].lower()].append(paper["first_daily_date"])
        for key, row in lineage.models.items():
            account = registry.account_of(row["id"])
            parents = {lineage.models[edge.parent]["id"] for edge in lineage.parents.get(key, ())}
            named = {
                registry.account_of(parent).handle.lower()
                for parent in parents
                if "/" in parent and registry.organization(parent) != registry.organization(row["id"])
            }
            for day, _ in dated([row]):
                self.events["hub_new_models", None].append(day)
                if account:
                    self.events["handle_new_models", account.handle.lower()].append(day)
                for handle in named:
                    self.events["handle_new_derivatives", handle].append(day)

    def rows_of(self, milestone: Row) -> Iterator[Row]:
        """Rows of fct_milestone_windows for one milestone."""
        handle = milestone["handle"]
        for days in WINDOWS:
            for metric in _FLOWS if handle else _FLOWS[:1]:
                key = (metric, None if metric == "hub_new_models" else handle.lower())
                yield self._row(milestone, metric, days, **self._flow(*key, milestone["event_date"], days))
            if handle:
                for metric, column in _GAINS.items():
                    gain = self._gain(handle.lower(), column, milestone["event_date"], days)
                    yield self._row(milestone, metric, days, **gain)

    def _row(self, milestone: Row, metric: str, days: int, **columns: Any) -> Row:
        shown = {name: milestone[name] for name in ("milestone_id", "event_date", "date_precision", "handle")}
        before, after = columns.pop("before"), columns.pop("after")
        if milestone["date_precision"] == "month":
            before = after = None
        is_complete = before is not None and after is not None
        return {
            **shown,
            "metric": metric,
            "window_days": days,
            "value_before": as_float(before) if is_complete else None,
            "value_after": as_float(after) if is_complete else None,
            "ratio": share(Fraction(after), before) if is_complete else None,
            **{f"{point}_observed_date": columns.get(point) for point in ("before", "at", "after")},
            **columns,
            "is_complete": is_complete,
        }

    def _flow(self, metric: str, handle: str | None, day: date, days: int) -> Row:
        start, end = day - timedelta(days), day + timedelta(days)
        is_covered = start > FIRST_CREATION_DATE
        if metric == "handle_new_papers":
            is_covered = self.first_page <= start and end - timedelta(1) <= self.last_page
        if not is_covered or end > self.day:
            return {"before": None, "after": None}
        events = self.events.get((metric, handle), [])
        return {
            "before": sum(start <= event < day for event in events),
            "after": sum(day <= event < end for event in events),
        }

    def _gain(self, handle: str, column: str, day: date, days: int) -> Row:
        seen = self.accounts.get(handle, {})
        points = {"before": day - timedelta(days), "at": day, "after": day + timedelta(days)}
        nearest = {name: _nearest(seen, point, days // 10) for name, point in points.items()}
        before, at, after = (seen[when][column] if when else None for when in nearest.values())
        known = None not in (before, at, after)
        used = [seen[when] for when in nearest.values() if when]
        return {
            "before": at - before if known else None,
            "after": after - at if known else None,
            **{f"{name}_observed_date": when for name, when in nearest.items()},
            **({"is_synthetic": any(row["is_synthetic"] for row in used)} if used else {}),
        }


def _nearest(days: Iterable[date], point: date, room: int) -> date | None:
    """The nearest of the days that is at most so far away, the earlier one of two."""
    near = [day for day in days if abs((day - point).days) <= room]
    return min(near, key=lambda day: (abs((day - point).days), day), default=None)
