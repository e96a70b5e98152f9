"""What the sandbox Hub is filled with unless rows are recorded: a made-up ecosystem around the real organizations.

A pure function of (seed, scale, date). Datasets, spaces, organization overviews and the whole are put together here;
`population` says how a repository lives, `models` what derives from what, `papers` what the daily pages show.
"""

import bisect
import datetime
from collections import Counter

from orchestration.sandbox.catalogue import Catalogue
from orchestration.sandbox.models import Owners, made_up_models, model_row
from orchestration.sandbox.papers import daily_pages, link_to_paper, organization_id
from orchestration.sandbox.population import DAY, Repo, births, draw, heavy, instant
from orchestration.sandbox.registry import Registry, read_registry

SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M")
DATA_TASKS = ("text-generation", "question-answering", "robotics", "image-classification", "translation")


def synthetic_catalogue(*, seed: int = 7, scale: float = 1.0, date: datetime.date) -> Catalogue:
    """The made-up Hub as it stood at the start of `date` (UTC); about 20,000 models at scale 1 on 2026-11-23.

    Two dates of one seed and scale show one history: `_id` and `createdAt` stay, repositories are born, changed,
    renamed and deleted, counters and followers move.

    Raises:
        ValueError: if `scale` is not above 0.
    """
    if not scale > 0:
        raise ValueError(f"The scale of the sandbox must be above 0, not {scale}.")
    registry, until = read_registry(), instant(f"{date}")
    owners = Owners(seed, scale, registry)
    datasets = _datasets(seed, scale, until, owners)
    models = made_up_models(seed=seed, scale=scale, until=until, registry=registry, owners=owners, datasets=datasets)
    spaces, space_rows = _spaces(seed, scale, until, owners, models, datasets)
    affiliations = [(handle, registry.names[handle]) for handle in owners.handles]
    catalogue = Catalogue(
        label=f"synthetic; seed={seed}; scale={float(scale)}; date={date}",
        synthetic=True,
        models=[model_row(repo, until) for repo in models if repo.lives(until)],
        datasets=[repo.row(until) | repo.downloads(until) for repo in datasets if repo.lives(until)],
        spaces=space_rows,
        organizations={},
        organizations_synthetic=True,
        papers=daily_pages(seed=seed, scale=scale, date=date, organizations=affiliations),
        renames={
            (kind, repo.first_id): repo.later_id
            for kind, repos in (("models", models), ("datasets", datasets), ("spaces", spaces))
            for repo in repos
            if repo.lives(until) and repo.renamed <= until
        },
    )
    add_organizations(catalogue, registry, seed=seed, date=date)
    return catalogue


def add_organizations(catalogue: Catalogue, registry: Registry, *, seed: int, date: datetime.date) -> None:
    """Put made-up overviews into the catalogue, for the registry's handles and for the made-up organizations in it.

    Repositories and papers are counted in the catalogue; members, followers and plans are made up. Former handles and
    a few others have no overview.
    """
    kinds = {"numModels": catalogue.models, "numDatasets": catalogue.datasets, "numSpaces": catalogue.spaces}
    owned = {kind: Counter(str(row.get("author")).lower() for row in rows) for kind, rows in kinds.items()}
    linked: dict[str, set[str]] = {}
    for item in (item for page in catalogue.papers.values() for item in page):
        organization = item["paper"].get("organization") or item.get("organization") or {}
        linked.setdefault(str(organization.get("name")).lower(), set()).add(item["paper"].get("id"))
    names = {
        handle: name
        for number, (handle, name) in enumerate(sorted(registry.names.items()))
        if handle not in registry.moved.values() and (number % 40 != 11 or handle in registry.roots)
    }
    invented = {handle for counts in owned.values() for handle in counts if handle.startswith("sandbox-org-")}
    names |= {handle: f"Sandbox Organization {handle[-3:]}" for handle in sorted(invented)}
    years = max(0.1, (instant(f"{date}") - instant("2021-01-01")) / DAY / 365)
    for handle, name in names.items():
        rng, key = draw(seed, "organization", handle), handle.lower()
        followers = 40 * min(200.0, heavy(rng, 1.2)) * (40 if handle in registry.roots else 1)
        catalogue.organizations[key] = {
            "_id": organization_id(handle),
            "name": handle,
            "fullname": name,
            "isVerified": handle in registry.names and rng.random() < 0.7,
            "numUsers": int(3 * heavy(rng)),
            **{kind: counts[key] for kind, counts in owned.items()},
            "numPapers": len(linked.get(key, ())),
            "numFollowers": int(followers * years**1.5),
            **({"plan": rng.choice(("team", "enterprise"))} if rng.random() < 0.3 else {}),
        }


def _datasets(seed: int, scale: float, until: int, owners: Owners) -> list[Repo]:
    made = []
    for number, born in births(5_250 * scale, until):
        rng = draw(seed, "datasets", number)
        repo = Repo(f"{owners.pick(rng)}/sandbox-dataset-{number:05d}", born, rng, 3 * min(100_000.0, heavy(rng, 1.1)))
        size, license = rng.randrange(5), rng.choice(("apache-2.0", "mit", "cc-by-4.0", None))
        repo.tags = [f"task_categories:{rng.choice(DATA_TASKS)}", f"language:{rng.choice(('en', 'en', 'zh', 'fr'))}"]
        repo.tags += [f"license:{license}"] if license else []
        repo.tags += [f"size_categories:{SIZES[size]}", "format:parquet", "modality:text", "library:datasets"]
        repo.tags += link_to_paper(seed, scale, born, rng.random()) if rng.random() < 0.15 else []
        weight = int(10 ** (5 + size) * heavy(rng))
        repo.fields = {
            "gated": rng.choice((False,) * 30 + ("auto", "manual")),
            "usedStorage": weight,
            "mainSize": weight,
        }
        made.append(repo.ends(number, rng))
    return made


def _spaces(
    seed: int, scale: float, until: int, owners: Owners, models: list[Repo], datasets: list[Repo]
) -> tuple[list[Repo], list[dict]]:
    """All spaces, and the rows of those that are there at `until`."""
    made, rows = [], []
    used = {"models": sorted(models, key=lambda repo: (repo.born, repo.uid)), "datasets": datasets}
    for number, born in births(5_250 * scale, until):
        rng = draw(seed, "spaces", number)
        repo = Repo(f"{owners.pick(rng)}/sandbox-demo-{number:05d}", born, rng, 2 * heavy(rng))
        sdk = rng.choice(("gradio", "gradio", "gradio", "docker", "static"))
        repo.tags, repo.fields = (
            [sdk],
            {"sdk": sdk, "usedStorage": int(1e5 * heavy(rng)), "subdomain": f"demo-{number}"},
        )
        made.append(repo.ends(number, rng))
        row = repo.row(until)
        for kind, repos in used.items():
            older = bisect.bisect_left(repos, born, key=lambda other: other.born)
            picks = {int(older * rng.random() ** 2) for _ in range(rng.randrange(3)) if older}
            names = [repos[pick].id_at(until) for pick in sorted(picks) if repos[pick].lives(until)]
            row |= {kind: names} if names else {}
        rows += [row] if repo.lives(until) else []
    return made, rows
