"""Every published table of one snapshot, from its raw rows, the seeds and the snapshots before it."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Any

from tests.independent import (
    adoption,
    chain,
    changes,
    claims,
    countries,
    derivatives,
    lineage,
    milestones,
    organizations,
    papers,
    quality,
    repos,
    sizes,
)
from tests.independent.registry import Row, Seeds, handle_of, make_registry
from tests.independent.rows import REPO_TABLES, TABLES, Snapshot, settle

KEYS: dict[str, tuple[str, ...]] = {
    "dim_organizations": ("handle",),
    "dim_repos": ("repo_type", "repo_key"),
    "fct_country_monthly": ("month", "country_rule", "country"),
    "fct_country_snapshots": ("snapshot_date", "country_rule", "country"),
    "fct_derivative_counts": ("snapshot_date", "subject_type", "subject", "relation", "definition"),
    "fct_download_concentration": ("snapshot_date", "repo_type", "metric"),
    "fct_ecosystem_links": ("link_type", "from_id", "to_id", "relation"),
    "fct_lineage_edges": ("child_key", "parent", "relation"),
    "fct_lineage_roots": ("descendant_key", "root_key"),
    "fct_milestone_windows": ("milestone_id", "metric", "window_days"),
    "fct_milestones": ("milestone_id",),
    "fct_model_adoption": ("snapshot_date", "repo_key", "adoption_day"),
    "fct_organization_papers_monthly": ("month", "handle"),
    "fct_organization_releases_monthly": (
        "month", "organization", "company", "repo_type", "modality", "size_class", "licence_class",
    ),
    "fct_organization_snapshots": ("snapshot_date", "handle"),
    "fct_papers": ("paper_id",),
    "fct_relative_adoption": ("repo_key", "adoption_day", "baseline"),
    "fct_renames": ("snapshot_date", "repo_type", "repo_key"),
    "fct_tombstones": ("snapshot_date", "repo_type", "repo_key"),
    "fct_top_ten_entries": ("snapshot_date", "ranking", "subject"),
    "quarantine": ("table_name", "row_key", "reason"),
    "rpt_chain_coverage": ("organization",),
    "rpt_claims": ("claim_id",),
    "rpt_data_quality": ("check_name", "table_name"),
    "rpt_registry_gaps": ("handle",),
}  # fmt: skip
"""Columns that tell the rows of each published table apart."""

_REPOS_AND_PAPERS = (*REPO_TABLES, "daily_papers")


class Observatory:
    """Recomputed tables; each property named like a table is the list of its rows.

    `earlier` are the observatories of the snapshots that were released before, the oldest first.
    """

    def __init__(self, snapshot: Snapshot, seeds: Seeds, earlier: Sequence["Observatory"] = ()) -> None:
        self.snapshot, self.seeds, self.earlier = snapshot, seeds, list(earlier)
        self.day = snapshot.date
        self.settled = settle(snapshot)
        self.kept = kept = self.settled.kept
        self.registry = make_registry(seeds, self.day)
        for table in REPO_TABLES:
            self.registry.learn_spellings(handle_of(row["id"]) for row in kept[table].values())
        listings = kept["daily_papers"].values()
        self.registry.learn_spellings(papers.linked_handle(row["paper"].get("organization")) for row in listings)
        self.registry.learn_spellings(papers.linked_handle(row.get("organization")) for row in listings)
        self.registry.learn_spellings(row["handle"] for row in kept["organizations"].values())
        self.classes = repos.Classes(seeds)

    def table(self, name: str) -> list[Row]:
        return getattr(self, name)

    @property
    def tables(self) -> dict[str, list[Row]]:
        """Rows of every published table by its name."""
        return {name: self.table(name) for name in KEYS}

    @property
    def before(self) -> "Observatory | None":
        """The release before."""
        return self.earlier[-1] if self.earlier else None

    def is_synthetic(self, *tables: str) -> bool:
        """Whether any of these raw tables is made up."""
        return bool(self.snapshot.synthetic.intersection(tables))

    def is_sample(self, *tables: str) -> bool:
        """Whether any of these raw tables is a sample of its Hub."""
        return bool(self.snapshot.sampled.intersection(tables))

    def _unseen(self, row: Row, rests_on: Mapping[str, Sequence[str]]) -> Row:
        """The row without the columns of which a table that they rest on was not observed."""
        unseen = [name for name, tables in rests_on.items() if self.snapshot.unobserved.intersection(tables)]
        return row | dict.fromkeys(unseen)

    def _dated(self, rows: Sequence[Row], *tables: str, **columns: Any) -> list[Row]:
        """The rows with the columns that all tables have; `tables` are those that the numbers rest on."""
        common = {"snapshot_date": self.day, "is_synthetic": self.is_synthetic(*tables), **columns}
        return [{**common, **row} for row in rows]

    def _history(self, table: str) -> list[Row]:
        """What earlier snapshots say of themselves."""
        return [row for other in self.earlier for row in other.table(table) if row["snapshot_date"] == other.day]

    # --- repos and what changed ---------------------------------------------------------------------------------------

    @property
    def repo_ids(self) -> dict[tuple[str, str], Row]:
        """Ids by kind and key."""
        return {
            (kind, key): {"repo_id": row["id"]}
            for table, kind in repos.KINDS.items()
            for key, row in self.kept[table].items()
        }

    @cached_property
    def sizes(self) -> Mapping[str, sizes.Size]:
        """Sizes of the models by key."""
        return sizes.model_sizes(self.lineage)

    @cached_property
    def repos(self) -> dict[tuple[str, str], Row]:
        """Rows of dim_repos by kind and key."""
        found = repos.repo_rows(self.kept, self.registry, self.classes, self.sizes)
        for (kind, _), row in found.items():
            row |= {
                "snapshot_date": self.day,
                "observed_at": self.snapshot.observed_at,
                "is_synthetic": self.is_synthetic(f"{kind}s"),
                "is_sample": self.is_sample(f"{kind}s"),
            }
        return found

    @property
    def repos_before(self) -> Mapping[tuple[str, str], Row]:
        return self.before.repos if self.before else {}

    @property
    def dim_repos(self) -> list[Row]:
        return list(self.repos.values())

    @cached_property
    def fct_renames(self) -> list[Row]:
        now = changes.rename_rows(self.repo_ids, self.before.repo_ids, self.before.day) if self.before else []
        return self._compared(now) + self._history("fct_renames")

    @cached_property
    def fct_tombstones(self) -> list[Row]:
        if not self.before:
            return []
        now = changes.tombstone_rows(
            self.repos, self.settled.still_listed, self.repos_before, self.before.day, self.registry
        )
        partial = self.snapshot.sampled | self.snapshot.unobserved
        now = [row for row in now if f"{row['repo_type']}s" not in partial]
        return self._compared(now) + self._history("fct_tombstones")

    def _by_kind(self, rows: Sequence[Row]) -> list[Row]:
        """The rows, each resting on the table of its kind of repository."""
        return [done for row in rows for done in self._dated([row], f"{row['repo_type']}s")]

    def _compared(self, rows: Sequence[Row], table: str | None = None) -> list[Row]:
        """Rows that rest on a table of this snapshot and of the release before, else on that of their kind."""
        compared = []
        for row in rows:
            name = table or f"{row['repo_type']}s"
            is_synthetic = self.is_synthetic(name) or self.before.is_synthetic(name)
            compared += self._dated([row], is_synthetic=is_synthetic)
        return compared

    @cached_property
    def fct_top_ten_entries(self) -> list[Row]:
        if not self.before:
            return []
        before, previous = self.before, self.before.day
        then_of = changes.same_repos(self.repos, self.repos_before)
        now_likes = {then_of.get(("model", key), (None, key))[1]: ranked for key, ranked in self._model_likes.items()}
        likes = changes.entry_rows("model_likes", now_likes, before._model_likes, previous)
        followers = changes.entry_rows("handle_followers", self._followers, before._followers, previous)
        now = self._compared(likes, "models") + self._compared(followers, "organizations")
        if self.is_sample("models") or before.is_sample("models"):
            now = []
        return now + self._history("fct_top_ten_entries")

    @property
    def _model_likes(self) -> dict[str, tuple[str, int | None]]:
        return {key: (repo["repo_id"], repo["likes"]) for (kind, key), repo in self.repos.items() if kind == "model"}

    @property
    def _followers(self) -> dict[str, tuple[str, int | None]]:
        rows = self._organization_snapshots
        return {row["handle"].lower(): (row["handle"], row["followers_count"]) for row in rows}

    @cached_property
    def fct_organization_releases_monthly(self) -> list[Row]:
        return self._by_kind(repos.release_rows(self.kept, self.repos, self.registry))

    @cached_property
    def fct_download_concentration(self) -> list[Row]:
        now = self._by_kind(repos.concentration_rows(self.repos.values()))
        for row in now:
            if self.is_sample(f"{row['repo_type']}s"):
                row |= dict.fromkeys((*repos.TOP_SHARES, "gini"))
        return now + self._history("fct_download_concentration")

    # --- lineage ------------------------------------------------------------------------------------------------------

    @cached_property
    def lineage(self) -> lineage.Lineage:
        return lineage.Lineage(self.kept["models"], self.former_ids["model"])

    @cached_property
    def former_ids(self) -> Mapping[str, Mapping[str, str]]:
        """Keys by former ids in lower case, by kind of repo."""
        return {
            kind: changes.former_ids(kind, self.fct_renames, self.seeds, self.kept[table])
            for table, kind in repos.KINDS.items()
        }

    @cached_property
    def derivative_counts(self) -> derivatives.Counts:
        return derivatives.derivative_counts(self.lineage, self.registry)

    @cached_property
    def fct_derivative_counts(self) -> list[Row]:
        registered = self.registry.all_subjects
        names = ("subject_type", "subject", "relation", "definition")
        rows = [
            {**dict(zip(names, key, strict=True)), "value": float(value), "is_in_registry": key[:2] in registered}
            for key, value in self.derivative_counts.items()
        ]
        carried = [row for row in self._history("fct_derivative_counts") if row["is_in_registry"]]
        return self._dated(rows, "models") + carried

    @cached_property
    def fct_lineage_edges(self) -> list[Row]:
        return self._dated(lineage.edge_rows(self.lineage), "models")

    @cached_property
    def fct_lineage_roots(self) -> list[Row]:
        return self._dated(lineage.root_rows(self.lineage), "models")

    # --- accounts and papers ------------------------------------------------------------------------------------------

    @cached_property
    def papers(self) -> dict[str, Row]:
        return papers.paper_rows(self.kept, self.registry)

    @cached_property
    def fct_papers(self) -> list[Row]:
        rests_on = {"datasets_count": ["datasets"], "spaces_count": ["spaces"]}
        rows = [self._unseen(row, rests_on) for row in self.papers.values()]
        return self._dated(rows, *_REPOS_AND_PAPERS, observed_at=self.snapshot.observed_at)

    @cached_property
    def fct_organization_papers_monthly(self) -> list[Row]:
        return self._dated(papers.monthly_rows(self.papers, self.day), "daily_papers")

    @cached_property
    def dim_organizations(self) -> list[Row]:
        rows = organizations.account_rows(self.kept["organizations"], self.registry, self.seeds["registry_aliases"])
        return self._dated(rows, "organizations")

    @cached_property
    def _organization_snapshots(self) -> list[Row]:
        rests_on = {
            "datasets_count": ["datasets"],
            "spaces_count": ["spaces"],
            "downloads_30d": ["datasets"],
            "downloads_30d_rank": ["datasets"],
            "downloads_all_time": ["datasets"],
            "likes": ["datasets", "spaces"],
            "likes_rank": ["datasets", "spaces"],
            "papers_count": ["daily_papers"],
            "papers_upvotes": ["daily_papers"],
        }
        rows = organizations.snapshot_rows(self.kept, self.papers.values(), self.derivative_counts, self.registry)
        rows = [self._unseen(row, rests_on) for row in rows]
        return self._dated(rows, *TABLES, is_followers_synthetic=self.is_synthetic("organizations"))

    @cached_property
    def fct_organization_snapshots(self) -> list[Row]:
        history = self._history("fct_organization_snapshots")
        return organizations.with_changes(self._organization_snapshots, history, self.day) + history

    @cached_property
    def rpt_registry_gaps(self) -> list[Row]:
        unobserved = self.snapshot.unobserved
        unseen = {"downloads_30d"} if "datasets" in unobserved else set()
        unseen |= {"papers_count"} if "daily_papers" in unobserved else set()
        rows = organizations.gap_rows(self.kept, self.derivative_counts, self.registry, self.papers.values(), unseen)
        return self._dated(rows, "models", "datasets", "organizations", "daily_papers")

    # --- countries and adoption ---------------------------------------------------------------------------------------

    @cached_property
    def fct_country_snapshots(self) -> list[Row]:
        now = self._dated(countries.country_rows(self.lineage, self.registry), "models")
        if self.is_sample("models"):
            now = [row | dict.fromkeys(("young_downloads_share", "unattributed_share")) for row in now]
        return now + self._history("fct_country_snapshots")

    @cached_property
    def fct_country_monthly(self) -> list[Row]:
        rows = countries.monthly_rows(self.lineage, self.registry, self.fct_country_snapshots)
        made_up = {row["snapshot_date"] for row in self.fct_country_snapshots if row["is_synthetic"]}
        for row in rows:
            row["is_synthetic"] = self.is_synthetic("models") or row["observed_snapshot_date"] in made_up
            if self.is_sample("models"):
                row |= dict.fromkeys(("new_models_share", "unattributed_new_models_share"))
        return self._dated(rows)

    @cached_property
    def fct_model_adoption(self) -> list[Row]:
        known = self._history("fct_model_adoption")
        return self._dated(adoption.adoption_rows(self.repos.values(), self.registry, known), "models") + known

    @cached_property
    def fct_relative_adoption(self) -> list[Row]:
        if not self.before:
            return []
        return [{**row, "snapshot_date": self.day} for row in adoption.relative_rows(self.fct_model_adoption)]

    # --- milestones, chain, claims, quality ---------------------------------------------------------------------------

    @cached_property
    def fct_milestones(self) -> list[Row]:
        curated = milestones.curated_rows(self.seeds, self.kept["models"])
        detected = milestones.detected_rows(
            self.kept, self.lineage, self.sizes, self.registry, self.fct_top_ten_entries
        )
        rows = []
        for row in curated + detected:
            rests_on = REPO_TABLES if row["rule"] == "first_repo" else ("models",)
            # What earlier days saw of their top tens stays.
            is_partial = self.is_sample(*rests_on) or not self.snapshot.unobserved.isdisjoint(rests_on)
            if row["rule"] in {"first_repo", "nth_derivative", "largest_open_model"} and is_partial:
                continue
            rows += self._dated([row], *rests_on)
        return rows

    @cached_property
    def fct_milestone_windows(self) -> list[Row]:
        windows = milestones.Windows(self.lineage, self.papers, self.fct_organization_snapshots, self.registry)
        rows = []
        for row in (row for milestone in self.fct_milestones for row in windows.rows_of(milestone)):
            rows += self._dated([row], "daily_papers" if row["metric"] == "handle_new_papers" else "models")
        return rows

    @cached_property
    def fct_ecosystem_links(self) -> list[Row]:
        rows = []
        for row in chain.link_rows(self.kept, self.papers, self.lineage, self.former_ids):
            ends = {row["from_type"], row["to_type"]}
            rows += self._dated([row], *({"paper": "daily_papers"}.get(end, f"{end}s") for end in ends))
        return rows

    @cached_property
    def rpt_chain_coverage(self) -> list[Row]:
        rests_on = {
            "papers_count": ["daily_papers"],
            "papers_with_models_count": ["daily_papers"],
            "derivatives_with_spaces_count": ["spaces"],
            "datasets_count": ["datasets"],
            "datasets_with_models_count": ["datasets"],
            "spaces_count": ["spaces"],
        }
        rows = chain.coverage_rows(self.kept, self.papers, self.lineage, self.former_ids, self.registry)
        rows = [self._unseen(row, rests_on) for row in rows]
        return self._dated(rows, *_REPOS_AND_PAPERS)

    @cached_property
    def rpt_claims(self) -> list[Row]:
        return claims.claim_rows(self)

    @cached_property
    def checks(self) -> quality.Checks:
        """Rows tested and rows at fault, by check and table."""
        tombstones = self._history("fct_tombstones")
        found = quality.checks(self.settled, self.lineage, self.snapshot.asked_handles) | quality.comparison_checks(
            self.repos, self.repos_before, tombstones, self.classes
        )
        if "organizations" in self.snapshot.unobserved:
            del found["organization_not_found", "organizations"]
        return found

    @cached_property
    def rpt_data_quality(self) -> list[Row]:
        return [
            {"snapshot_date": self.day, "check_name": check, "table_name": table,
             "rows_tested": tested, "rows_failing": failing}
            for (check, table), (tested, failing) in self.checks.items()
        ]  # fmt: skip

    @cached_property
    def quarantine(self) -> list[Row]:
        return [{"snapshot_date": self.day, **row} for row in quality.quarantine_rows(self.settled, self.lineage)]


def dates(observatories: Sequence[Observatory]) -> list[date]:
    return [observatory.day for observatory in observatories]
