"""Made-up models around the real flagships: who derives what from whom, and the oddities that the real Hub has."""

import bisect
import itertools
import random

from orchestration.sandbox.papers import link_to_paper
from orchestration.sandbox.population import DAY, LEGACY_IMPORT, Repo, births, draw, heavy, instant
from orchestration.sandbox.registry import Flagship, Registry

HANDLES_MOVED = instant("2025-07-01")  # when the flagships of a former handle got their new one, here
RELATIONS, RELATION_SHARES = ("finetune", "adapter", "quantized", "merge"), (45, 65, 98, 100)  # cumulative
TASKS = (  # of models that derive from nothing, by weight
    *[("text-generation", "transformers")] * 9,
    *[("robotics", "lerobot"), ("text-classification", "transformers"), ("image-classification", "timm")],
    *[("text-to-image", "diffusers"), ("reinforcement-learning", "stable-baselines3"), ("translation", None)],
    *[("feature-extraction", "sentence-transformers"), (None, "pytorch"), (None, None), (None, None)],
)
LIBRARIES = {"text-to-image": "diffusers", "text-to-video": "diffusers", "sentence-similarity": "sentence-transformers"}
LICENSES = ("apache-2.0", "apache-2.0", "apache-2.0", "mit", "mit", "other", "cc-by-4.0", "gemma", None, None)
LANGUAGES = (("en",), ("en",), ("en",), ("zh", "en"), ("multilingual",), ("de",), ("ja",), ("fr", "es"), (), ())
NO_REPOS = ("/cache/models/x", "C:\\Models\\x", "gpt2", "./output/checkpoint-500", "sandbox-gone/never-published")


class Owners:
    """Who publishes: registry handles, made-up organizations and many made-up users, all with heavy tails."""

    def __init__(self, seed: int, scale: float, registry: Registry) -> None:
        """Rank the registry's handles, root handles of families before most others."""
        self.ranks = {h: heavy(draw(seed, "owner", h)) * (20 if h in registry.roots else 1) for h in registry.names}
        self.handles = sorted(self.ranks, key=lambda handle: -self.ranks[handle])
        self.redistributors = registry.redistributors or self.handles
        self.users, self.organizations = max(40, int(7_000 * scale)), max(8, int(120 * scale))

    def pick(self, rng: random.Random, relation: str | None = None) -> str:
        """The handle of an owner."""
        kind, place = rng.random(), rng.random() ** 2.3
        if relation == "quantized" and kind < 0.4:
            return self.redistributors[int(place * len(self.redistributors))]
        if kind > 0.88:
            return self.handles[int(place * len(self.handles))]
        if kind > 0.8:
            return f"sandbox-org-{place * self.organizations:03.0f}"
        return f"sandbox-user-{place * self.users:05.0f}"


def made_up_models(
    *, seed: int, scale: float, until: int, registry: Registry, owners: Owners, datasets: list[Repo]
) -> list[Repo]:
    """Every model born before the instant `until`, the deleted ones too."""
    flagships = [_flagship(seed, flagship, registry) for flagship in registry.flagships]
    flagships.sort(key=lambda repo: repo.born)
    weights = [0.0, *itertools.accumulate(repo.pull for repo in flagships)]
    made: list[Repo] = []
    derived: list[Repo] = []
    for number, born in births(20_900 * scale, until):
        rng = draw(seed, "models", number)
        known, roll = bisect.bisect(flagships, born - DAY, key=lambda repo: repo.born), rng.random()
        relation = RELATIONS[bisect.bisect(RELATION_SHARES, 100 * rng.random())] if known and roll < 0.5 else None
        parents: list[Repo | str] = []
        for _ in range(2 + int(heavy(rng)) % 4 if relation == "merge" else 1 if relation else 0):
            parent = rng.choice(derived) if derived and rng.random() < 0.5 else None
            if parent is None or parent.died <= born:
                # Half of the derivatives go to the latest flagships, however much heavier the older ones are.
                low = weights[max(0, known - 30)] if rng.random() < 0.5 else 0.0
                place = bisect.bisect(weights, low + rng.random() * (weights[known] - low))
                parent = flagships[min(known, place) - 1]
            parents += [parent] if parent not in parents else []
        owner, (task, library) = owners.pick(rng, relation), rng.choice(TASKS)
        origin = (parents[0].origin or parents[0]) if parents else None
        size, family, stem = 0.1 * heavy(rng, 0.8), "", "sandbox-model"
        if origin:
            size, family, task = origin.size, origin.family, origin.fields["pipeline_tag"]
            library = "peft" if relation == "adapter" else origin.fields["library_name"]
            stem = f"{origin.first_id.partition('/')[2]}-{'GGUF' if relation == 'quantized' else relation}"
        pull = 4 * min(20_000.0, heavy(rng, 1.1)) * (10 if owner in registry.names else 1)
        repo = Repo(f"{owner}/{stem}-{number:05d}", born, rng, pull, relation=relation, parents=parents, origin=origin)
        if origin and roll < 0.06:
            repo.source = "tag" if number % 4 else "declared"
            repo.parents = [NO_REPOS[number % len(NO_REPOS)]] if roll < 0.02 else parents
        repo.tags = link_to_paper(seed, scale, born, rng.random()) if rng.random() < 0.2 else []
        seen = bisect.bisect_left(datasets, born, key=lambda data: data.born)
        if seen and rng.random() < 0.06:
            repo.tags.append(f"dataset:{datasets[int(seen * rng.random() ** 2)].id_at(born)}")
        _describe(
            repo, rng, task if rng.random() < 0.85 else None, library if rng.random() < 0.85 else None, size, family
        )
        made.append(repo.ends(number, rng))
        if origin:
            derived.append(repo)
    return flagships + made + _oddities(seed, next(repo for repo in flagships if repo.first_id == "Qwen/Qwen3-8B"))


def _flagship(seed: int, flagship: Flagship, registry: Registry) -> Repo:
    """A root model under its real name; all that is counted about it is made up."""
    rng, (handle, name) = draw(seed, "flagship", flagship.id), flagship.id.split("/")
    born = max(LEGACY_IMPORT, instant(flagship.born) + int(DAY * rng.random()))
    pull = 20_000 * min(200.0, heavy(rng)) * (4 if handle in registry.roots else 1)
    repo = Repo(flagship.id, born, rng, pull)
    if handle in registry.moved and born < HANDLES_MOVED:
        repo.first_id, repo.renamed, repo.later_id = f"{registry.moved[handle]}/{name}", HANDLES_MOVED, flagship.id
    library = LIBRARIES.get(flagship.pipeline, "transformers")
    _describe(repo, rng, flagship.pipeline, library, flagship.size, flagship.family.lower().replace(" ", "-"))
    gated = {"meta-llama": "manual", "google": "manual", "mistralai": "auto"}.get(handle, False)
    repo.fields |= {"inference": "warm", "gated": gated}
    return repo


def _describe(repo: Repo, rng: random.Random, task: str | None, library: str | None, size: float, family: str) -> None:
    """Give the model its tags and the fields that time does not move; `size` in billions of parameters."""
    repo.size, repo.family = size, family
    parameters, adapter = int(size * 1e9 * (0.9 + 0.2 * rng.random())), repo.relation == "adapter"
    fields: dict = {"gated": "auto" if rng.random() < 0.02 else False}
    fields |= {key: value for key, value in (("pipeline_tag", task), ("library_name", library)) if value}
    if repo.relation == "quantized":
        fields["gguf"] = {"total": parameters, "architecture": family, "context_length": 32_768}
    elif not adapter and rng.random() < 0.8:
        dtype = rng.choice(("BF16", "BF16", "F16", "F32"))
        fields["safetensors"] = {"parameters": {dtype: parameters}, "total": parameters}
    if rng.random() < 0.98:
        fields["usedStorage"] = parameters // 100 if adapter else parameters * 2
    repo.fields, license = fields, rng.choice(LICENSES)
    file = "gguf" if "gguf" in fields else "safetensors"
    repo.tags += [tag for tag in (library, file, family, task, license and f"license:{license}") if tag]
    repo.tags += rng.choice(LANGUAGES)


def _oddities(seed: int, base: Repo) -> list[Repo]:
    """Models that are there at every scale, each for something odd that the real Hub has; many derive from `base`."""
    made: list[Repo] = []

    def odd(name: str, *parents: Repo | str, relation: str = "finetune", source: str = "hub", **fields: object) -> Repo:
        rng, born = draw(seed, "oddity", name), instant("2025-05-05") + 3600 * len(made)
        repo = Repo(f"sandbox-user-{name}", born, rng, 3 * heavy(rng), relation=relation, source=source)
        repo.parents, repo.tags, repo.fields = list(parents), ["sandbox-oddity"], {"gated": False, **fields}
        made.append(repo)
        return repo

    for step in range(75):
        odd(f"00001/chain-{step + 1:02d}", made[-1] if made else base)
    odd("00001/merge-of-47", *made[:46], base, relation="merge")
    for number in range(3):
        loop = odd(f"00002/self-parent-{number}")
        loop.parents = [loop]
    ring = [odd(f"00002/cycle-{letter}", relation="quantized") for letter in "abc"]
    for place, repo in enumerate(ring):
        repo.parents = [ring[place - 1]]
    for number, name in enumerate(NO_REPOS):
        odd(f"00004/no-parent-{number}", name, source="tag")
    odd("00004/declared-only", NO_REPOS[-1], source="declared")
    odd("00003/child-of-upper", odd("00003/Case-Twin", base))
    odd("00003/child-of-lower", odd("00003/case-twin", base), source="tag")
    odd("00007/10e0", base)
    moved, removed = odd("00019/before-rename", base), odd("00019/removed", base)
    for parent, source in itertools.product((moved, removed), ("hub", "tag")):
        odd(f"00019/child-of-{'renamed' if parent is moved else 'removed'}-by-{source}", parent, source=source)
    moved.renamed, moved.later_id = instant("2025-06-05"), "sandbox-user-00019/after-rename"
    removed.died = instant("2025-06-05")
    odd("00005/two-thousand-tags").tags += [f"tag-{number}" for number in range(2_072)]
    vast = 20_000_000_000_000_000
    odd("00005/twenty-quadrillion", safetensors={"parameters": {"F32": vast}, "total": vast})
    odd("00005/own-dtype", safetensors={"parameters": {"sandbox dtype": 12}, "total": 12})
    odd("00005/updated-before-created", lastModified="2025-01-01T00:00:00.000Z")
    odd("00005/bare")
    return made


def model_row(repo: Repo, at: int) -> dict:
    """The model as `/api/models` lists it at that instant with every field expanded."""
    row = {**repo.row(at), "modelId": repo.id_at(at), **repo.downloads(at)}
    # A card is written once: it goes on naming the parent as it was called then.
    named = [(parent, parent if isinstance(parent, str) else parent.id_at(repo.born)) for parent in repo.parents]
    for _, name in named:
        row["tags"].append(f"base_model:{name}")
        if repo.source != "declared":
            row["tags"].append(f"base_model:{repo.relation}:{name}")
    there = [{"_id": parent.uid, "id": name} for parent, name in named if isinstance(parent, Repo) and parent.lives(at)]
    if there and repo.source == "hub":
        row["baseModels"] = {"relation": repo.relation, "models": there}
    return row
