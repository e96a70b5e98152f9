"""Links from paper to model, derivative, dataset and Space, and how far the chain goes by organization."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from tests.independent.lineage import Lineage
from tests.independent.registry import Registry, Row
from tests.independent.repos import KINDS
from tests.independent.rows import by_spelling, is_older, tagged

Kept = Mapping[str, Mapping[str, Row]]
Former = Mapping[str, Mapping[str, str]]
"""Keys by former ids in lower case, by kind of repo."""
EVIDENCE = {"hub": "hub base models", "tag": "base_model tag"}


def link_rows(kept: Kept, papers: Mapping[str, Row], lineage: Lineage, former: Former) -> list[Row]:
    """Rows of fct_ecosystem_links, each once."""
    links = {
        **{_key(link): link for link in _paper_links(kept, papers)},
        **{_key(link): link for link in _derivative_links(lineage)},
        **{_key(link): link for link in _named_links(kept, former)},
    }
    return list(links.values())


def _key(link: Row) -> tuple[str, ...]:
    return tuple(link[name] for name in ("link_type", "from_id", "to_id", "relation"))


def _link(start: str, from_id: str, end: str, to_id: str, evidence: str, *, derivative: str | None = None) -> Row:
    return {
        "link_type": "model_derivative" if derivative else f"{start}_{end}",
        "from_type": start,
        "from_id": from_id,
        "to_type": end,
        "to_id": to_id,
        "relation": derivative or "none",
        "evidence": evidence,
    }


def _paper_links(kept: Kept, papers: Mapping[str, Row]) -> Iterator[Row]:
    for table, kind in KINDS.items():
        for row in kept[table].values():
            for paper in tagged(row, "arxiv:") & papers.keys():
                yield _link("paper", paper, kind, row["id"], "arxiv tag")


def _derivative_links(lineage: Lineage) -> Iterator[Row]:
    ids = {key: row["id"] for key, row in lineage.models.items()}
    for edge in lineage.counted:
        evidence = EVIDENCE[edge.source]
        yield _link("model", ids[edge.parent], "model", ids[edge.child], evidence, derivative=edge.relation)


def _named_links(kept: Kept, former: Former) -> Iterator[Row]:
    """Datasets that models name, models and datasets that Spaces name."""
    models, datasets = (_Directory(kept[f"{kind}s"], former[kind]) for kind in ("model", "dataset"))
    for model in kept["models"].values():
        for dataset in datasets.find(model, tagged(model, "dataset:")):
            yield _link("dataset", dataset, "model", model["id"], "dataset tag")
    for space in kept["spaces"].values():
        for kind, directory in (("model", models), ("dataset", datasets)):
            for used in directory.find(space, space.get(f"{kind}s") or []):
                yield _link(kind, used, "space", space["id"], "space declares")


class _Directory:
    """Repos of one kind by their ids."""

    def __init__(self, rows: Mapping[str, Row], former: Mapping[str, str]) -> None:
        self.rows, self.former = rows, former
        self.exact, self.any_case = by_spelling((row["id"], key) for key, row in rows.items())

    def find(self, whose: Row, names: Iterable[str]) -> set[str]:
        """Ids of the repos that the names lead to: exact spelling first, former ids last.

        A former id leads past the repo that bears it now, if that was made after the one whose names these are.
        """
        keys = set()
        for name in names:
            here, before = self.exact.get(name) or self.any_case.get(name.lower()), self.former.get(name.lower())
            keys.add(before if before and is_older(whose, self.rows.get(here)) else here or before)
        return {self.rows[key]["id"] for key in keys if key}


def coverage_rows(
    kept: Kept, papers: Mapping[str, Row], lineage: Lineage, former: Former, registry: Registry
) -> list[Row]:
    """Rows of rpt_chain_coverage: organizations of the registry, and all others together."""
    links = link_rows(kept, papers, lineage, former)
    ends = {kind: {link["from_id"] for link in links if link["link_type"] == kind} for kind in
            ("paper_model", "model_derivative", "model_space", "dataset_model")}  # fmt: skip
    after: dict[tuple[str, str], set[str]] = defaultdict(set)
    for link in links:
        after[link["link_type"], link["from_id"]].add(link["to_id"])
    models = _by_organization((row["id"] for row in kept["models"].values()), registry)
    datasets = _by_organization((row["id"] for row in kept["datasets"].values()), registry)
    linked: dict[str, set[str]] = {}
    for paper_id, paper in papers.items():
        account = registry.account(paper["handle"]) if paper["handle"] else None
        name = account.organization if account and account.is_registered else "unattributed"
        linked.setdefault(name, set()).add(paper_id)
    companies = {account.organization: account.company for account in registry.accounts.values()}
    rows = []
    for organization in models.keys() | datasets.keys() | linked.keys() | {"unattributed"}:
        own, data, said = (found.get(organization, set()) for found in (models, datasets, linked))
        below = set().union(*(after["model_derivative", model] for model in own))
        spaces = set().union(*(after["model_space", model] for model in own))
        rows.append({
            "organization": organization,
            "company": companies.get(organization),
            "papers_count": len(said),
            "papers_with_models_count": len(said & ends["paper_model"]),
            "models_count": len(own),
            "models_with_derivatives_count": len(own & ends["model_derivative"]),
            "derivatives_count": len(below),
            "derivatives_with_spaces_count": len(below & ends["model_space"]),
            "datasets_count": len(data),
            "datasets_with_models_count": len(data & ends["dataset_model"]),
            "spaces_count": len(spaces),
        })  # fmt: skip
    return rows


def _by_organization(ids: Iterable[str], registry: Registry) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for repo_id in ids:
        found.setdefault(registry.registered_organization(repo_id), set()).add(repo_id)
    return found
