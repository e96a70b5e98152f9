"""Derivatives by subject, relation and definition."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from tests.independent.lineage import RELATIONS, Edge, Lineage
from tests.independent.registry import Registry, Row, Subject, handle_of

DEFINITIONS = ("edges", "direct", "direct_external", "transitive", "transitive_external", "fractional", "declared")

Counts = dict[tuple[str, str, str, str], Fraction]
"""Value by subject type, subject, relation and definition."""


def derivative_counts(lineage: Lineage, registry: Registry) -> Counts:
    """All derivative counts of the snapshot, zeros of the registry's subjects included."""
    ids = {key: row["id"] for key, row in lineage.models.items()}
    organizations = {key: registry.organization(repo_id) for key, repo_id in ids.items()}

    members: dict[Subject, set[str]] = defaultdict(set)
    for key in lineage.children:
        for subject in {("model", ids[key])} | registry.subjects(ids[key]):
            members[subject].add(key)
    namings = _namings(lineage, registry)

    counts: Counts = {}
    always = registry.all_subjects
    for subject in members.keys() | namings.keys() | always:
        own, named = members.get(subject, set()), namings.get(subject, set())
        edges = [edge for parent in own for edge in lineage.children[parent]]
        pairs = [(ancestor, *found) for ancestor in own for found in lineage.derivations[ancestor]]
        for relation in ("all", *RELATIONS):
            wanted = RELATIONS if relation == "all" else (relation,)
            into = [edge for edge in edges if edge.relation in wanted]
            below = [pair for pair in pairs if pair[2] in wanted]
            direct = {edge.child for edge in into}
            values = {
                "edges": len(into),
                "direct": len(direct),
                "direct_external": len(
                    {edge.child for edge in into if organizations[edge.child] != organizations[edge.parent]}
                ),
                "transitive": len({child for _, child, _ in below}),
                "transitive_external": len(
                    {child for ancestor, child, _ in below if organizations[child] != organizations[ancestor]}
                ),
                "fractional": sum((Fraction(1, len(lineage.parents[edge.child])) for edge in into), Fraction()),
                "declared": len(direct | {edge.child for edge in named if relation in ("all", edge.relation)}),
            }
            if subject in always or any(values.values()):
                counts |= {(*subject, relation, name): Fraction(value) for name, value in values.items()}
    tagged = tagged_models(lineage.models, registry)
    return counts | {("family", name, "all", "tagged"): Fraction(len(keys)) for name, keys in tagged.items()}


def _namings(lineage: Lineage, registry: Registry) -> dict[Subject, set[Edge]]:
    """Edges to well-formed parents that are not in the snapshot, by the subjects of the name."""
    missing = [edge for edge in lineage.edges if edge.status == "unresolved"]
    shown: dict[str, str] = {}
    for edge in missing:
        shown[edge.named.lower()] = min(edge.named, shown.get(edge.named.lower(), edge.named))
    # Of nobody else, so that the registry stays as it is.
    registry = replace(registry, spellings=dict(registry.spellings))
    registry.learn_spellings(edge.named.split("/")[0] for edge in missing)
    namings: dict[Subject, set[Edge]] = defaultdict(set)
    for edge in missing:
        for subject in {("model", shown[edge.named.lower()])} | registry.subjects(edge.named):
            namings[subject].add(edge)
    return namings


def tagged_models(models: Mapping[str, Row], registry: Registry) -> dict[str, set[str]]:
    """Keys of the models that name each family: by their parents, else by their name, else by tags of one family only.

    Under the accounts of a family its models' names count whatever their parents are.
    """
    families = registry.families
    accounts = {handle for family in families.values() for handle in family.roots}
    found: dict[str, set[str]] = {name: set() for name in families}
    texts: dict[str, set[str]] = {}
    for key, row in models.items():
        parents: set[str] = set()
        others: set[str] = set()
        called = _named(row["id"].split("/")[-1].lower(), registry, texts)
        for tag in row.get("tags") or []:
            kind, text = tag.split(":")[0], tag.lower()
            named = _named(text.split("/")[-1].split(":")[-1], registry, texts)
            if text in accounts:
                named = {name for name in named if name.lower() == text}
            if kind == "base_model" and ":" in tag:
                parents |= named
            elif kind == "diffusers" or ":" not in tag:
                others |= named
        handle = (handle_of(row["id"]) or "").lower()
        told = parents or called or (others if len(others) == 1 else set())
        for name in told | {name for name in called if handle in families[name].roots}:
            found[name].add(key)
    return found


def _named(text: str, registry: Registry, known: dict[str, set[str]]) -> set[str]:
    """Families that a name in lower case tells; `known` are those of names that came before."""
    if text not in known:
        known[text] = {name for name, family in registry.families.items() if family.is_named(text)}
    return set(known[text])
