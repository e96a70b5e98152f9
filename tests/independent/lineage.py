"""Which model names which as its parent, what becomes of the name, and who descends from whom."""

import re
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

from tests.independent.registry import Row
from tests.independent.rows import by_spelling, hashed, instant, is_older

RELATIONS = ("finetune", "adapter", "quantized", "merge")
_PART = r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]{1,96}"
_REPO_ID = re.compile(f"{_PART}/{_PART}")
_TYPED_TAG = re.compile(rf"base_model:({'|'.join(RELATIONS)}):(.*)", re.DOTALL)


class Edge(NamedTuple):
    """A parent that a model names; `parent` is the key of a model or None, `relation` None if it is only declared."""

    child: str
    parent: str | None
    named: str
    relation: str | None
    source: str
    status: str

    @property
    def is_counted(self) -> bool:
        return self.relation is not None and self.status in ("resolved", "renamed")


def named_parents(row: Row) -> Iterator[tuple[str | None, str, str | None, str]]:
    """`_id` if known, id, relation and source of each parent that a model names."""
    tags = row.get("tags") or []
    typed = [(match[1], match[2]) for tag in tags if (match := _TYPED_TAG.fullmatch(tag))]
    known = {name.lower() for _, name in typed}
    if base := row.get("baseModels"):
        known |= {parent["id"].lower() for parent in base["models"]}
        yield from ((parent.get("_id"), parent["id"], base["relation"], "hub") for parent in base["models"])
    else:
        yield from ((None, name, relation, "tag") for relation, name in typed)
    for tag in tags:
        name = tag.removeprefix("base_model:")
        if name != tag and not _TYPED_TAG.fullmatch(tag) and name.lower() not in known:
            yield None, name, None, "declared"


def find_edges(models: Mapping[str, Row], former: Mapping[str, str]) -> list[Edge]:
    """Edges of the models (by key), distinct by child, parent as found or else its name in lower case, and relation.

    `former` leads from an id in lower case that a model bore once to the key of that model.
    """
    exact, any_case = by_spelling((row["id"], key) for key, row in models.items())
    edges: dict[tuple[str, str, str | None], Edge] = {}
    for child, row in models.items():
        for key, named, relation, source in named_parents(row):
            here, before = exact.get(named) or any_case.get(named.lower()), former.get(named.lower())
            if before and before != child and is_older(row, models.get(here)):
                here = before
            parent = key if key in models else here or before
            if parent == child:
                status = "self_loop"
            elif parent is None:
                status = "unresolved" if _REPO_ID.fullmatch(named) else "not_a_repo_id"
            else:
                status = "resolved" if models[parent]["id"].lower() == named.lower() else "renamed"
            edge = Edge(child, parent, named, relation, source, status)
            place = (child, parent or named.lower(), relation)
            # Of several names one that the parent bears wins, and of several spellings the least one is shown.
            edges[place] = min(edge, edges.get(place, edge), key=lambda edge: (edge.status != "resolved", edge.named))
    return list(edges.values())


class Lineage:
    """Who derives from whom, by the counted edges."""

    def __init__(self, models: Mapping[str, Row], former: Mapping[str, str] | None = None) -> None:
        self.models = models
        self.edges = find_edges(models, former or {})
        self.counted = [edge for edge in self.edges if edge.is_counted]
        self.parents: dict[str, list[Edge]] = defaultdict(list)
        self.children: dict[str, list[Edge]] = defaultdict(list)
        for edge in self.counted:
            self.parents[edge.child].append(edge)
            self.children[edge.parent].append(edge)

    @cached_property
    def derivations(self) -> dict[str, set[tuple[str, str]]]:
        """Descendants of each model that has any, with the relation of every edge by which they come to be one."""
        found = {}
        for ancestor in self.children:
            reached, waiting = {ancestor}, [ancestor]
            while waiting:
                new = {edge.child for edge in self.children.get(waiting.pop(), ())} - reached
                reached |= new
                waiting += new
            found[ancestor] = {
                (edge.child, edge.relation)
                for parent in reached
                for edge in self.children.get(parent, ())
                if edge.child != ancestor
            }
        return found

    @cached_property
    def on_cycles(self) -> set[str]:
        """Models that descend from themselves."""
        descendants = {ancestor: {child for child, _ in found} for ancestor, found in self.derivations.items()}
        return {edge.parent for edge in self.counted if edge.parent in descendants.get(edge.child, ())}

    def ancestors(self, model: str) -> dict[str, int]:
        """Ancestors of a model with the least number of steps to each, itself left out."""
        steps, waiting = {model: 0}, deque([model])
        while waiting:
            child = waiting.popleft()
            for edge in self.parents.get(child, ()):
                if edge.parent not in steps:
                    steps[edge.parent] = steps[child] + 1
                    waiting.append(edge.parent)
        del steps[model]
        return steps

    @cached_property
    def roots(self) -> dict[str, dict[str, int]]:
        """Roots of each model with the steps to them; none where all ancestors are on cycles."""
        found = {}
        for model in self.models:
            above = self.ancestors(model) if model in self.parents else {model: 0}
            found[model] = {root: steps for root, steps in above.items() if root not in self.parents}
        return found

    def is_younger_parent(self, edge: Edge) -> bool:
        """Whether the parent was created after the child."""
        if edge.parent is None:
            return False
        parent, child = (instant(self.models[key].get("createdAt")) for key in (edge.parent, edge.child))
        return bool(parent and child and parent > child)


def edge_rows(lineage: Lineage) -> list[Row]:
    """Rows of fct_lineage_edges, but for what all tables have."""
    rows = []
    for edge in lineage.edges:
        named = hashed(edge.named.lower()) if edge.status == "not_a_repo_id" else edge.named.lower()
        rows.append({
            "child_key": edge.child,
            "child": lineage.models[edge.child]["id"],
            "parent_key": edge.parent,
            "parent": lineage.models[edge.parent]["id"] if edge.parent else named,
            "relation": edge.relation or "untyped",
            "relation_source": edge.source,
            "status": edge.status,
            "is_counted": edge.is_counted,
            "is_parent_created_after_child": lineage.is_younger_parent(edge),
        })  # fmt: skip
    return rows


def root_rows(lineage: Lineage) -> list[Row]:
    """Rows of fct_lineage_roots: models with a counted parent."""
    return [
        {
            "descendant_key": model,
            "descendant": lineage.models[model]["id"],
            "root_key": root,
            "root": lineage.models[root]["id"],
            "depth": depth,
            "share": float(Fraction(1, len(roots))),
        }
        for model, roots in lineage.roots.items()
        if model in lineage.parents
        for root, depth in roots.items()
    ]
