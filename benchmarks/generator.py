"""Makes a Hub of any size with the real one's shape, as Parquet in the Hub's own field names: the same bytes each time.

Belongs here: what the made-up Hub holds. Not: the forms it is handed out in, a lake, bulk files or list pages (forms).
Handles and flagship models are real, since marts are about them; every number is made up. All chance is a hash of a
row's number and a word, so that nothing depends on threads or on the order of work.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from orchestration.lake.schemas import OUR_COLUMNS, SCHEMAS, duckdb_type
from orchestration.sandbox.registry import Flagship, Registry, read_registry

# The Hub of 2026-07-23, which is scale 1.
MODELS, DATASETS, SPACES, ORGANIZATIONS, PAPERS = 2_932_554, 972_446, 1_428_760, 38_498, 17_000
LEGACY_IMPORT = int(datetime(2022, 3, 2, 23, 29, 4, tzinfo=UTC).timestamp())
LONGEST_CHAIN, LARGEST_MERGE = 75, 47
PART_ROWS = 8 * 122_880

_FIRST_DAILY_PAGE = date(2023, 5, 4)
_FIRST_DERIVATIVE = int(datetime(2022, 9, 1, tzinfo=UTC).timestamp())
_DESCRIPTION = "hub.json"
_HEAVY_FAMILIES = {"Qwen": 6, "Llama": 4, "Stable Diffusion": 3, "FLUX": 4, "Mistral": 2, "Gemma": 2, "DeepSeek": 2}
# fmt: off
_WORDS = [
    "atlas", "aurora", "basil", "birch", "cedar", "cinder", "clover", "comet", "coral", "dune", "ember", "falcon", "fern",
    "flint", "harbor", "hazel", "indigo", "iris", "juniper", "krill", "lark", "lotus", "lumen", "maple", "meadow", "mesa",
    "mint", "nova", "onyx", "opal", "orchid", "otter", "pearl", "pine", "plume", "quartz", "raven", "reef", "river",
    "robin", "saffron", "sage", "sierra", "slate", "sparrow", "summit", "thistle", "topaz", "tulip", "umber", "velvet",
    "willow", "wren", "zephyr",
]
_TASKS = [
    "text-generation", "text-generation", "text-generation", "text-generation", "text-classification",
    "token-classification", "image-classification", "text-to-image", "reinforcement-learning",
    "automatic-speech-recognition", "feature-extraction", "sentence-similarity", "translation", "robotics",
    "image-text-to-text", "fill-mask",
]
# fmt: on
_LIBRARIES = {
    "image-classification": "timm",
    "text-to-image": "diffusers",
    "reinforcement-learning": "stable-baselines3",
    "sentence-similarity": "sentence-transformers",
    "robotics": "lerobot",
}  # fmt: skip
_LICENSES = ("apache-2.0", "apache-2.0", "apache-2.0", "mit", "mit", "other", "cc-by-4.0", "cc-by-nc-4.0", "llama3.1")
_LANGUAGES = ("en", "en", "en", "en", "en|zh", "zh", "en|de|fr|es|it", "ja", "ko", "multilingual", "ru", "ar")
_GONE = ("/cache/models/x", "C:\\Models\\x", "./output/checkpoint-500", "never-published/gone", "gpt2-of-mine")


def write_hub(folder: Path, scale: float, day: date, seed: int = 7) -> Path:
    """Writes the Hub as it stood on `day` below `folder` and returns `folder`; one that is there already is kept.

    Each table is a folder `<table>/part-NNNNN.parquet` with the columns of the raw tables but for our own, in the order
    of the Hub's lists (newest first; organizations by handle, papers by day). `hub.json` tells scale, day and seed, and
    is written last.

    Raises:
        ValueError: `scale` is not above 0.
    """
    if not scale > 0:
        raise ValueError(f"The scale must be above 0, not {scale}.")
    told = {"scale": scale, "day": day.isoformat(), "seed": seed, "form": 1}
    description = folder / _DESCRIPTION
    if description.is_file() and json.loads(description.read_text()) == told:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    building = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        with connect(building) as connection:
            _Hub(connection, building, scale, day, seed).write()
        (building / _DESCRIPTION).write_text(json.dumps(told))
        building.rename(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return folder


def described(hub: Path) -> tuple[float, date, int]:
    """Scale, day and seed of a written Hub."""
    told = json.loads((hub / _DESCRIPTION).read_text())
    return told["scale"], date.fromisoformat(told["day"]), told["seed"]


def write_next_day(hub: Path, folder: Path, share: float) -> Path:
    """Writes the Hub of the day after `hub`, in which `share` of the repos were changed and downloaded or liked more.

    Nothing is born or deleted, so that what a day costs depends on what changed alone.
    """
    scale, day, seed = described(hub)
    told = {"scale": scale, "day": (day + timedelta(days=1)).isoformat(), "seed": seed, "form": 1, "changed": share}
    description = folder / _DESCRIPTION
    if description.is_file() and json.loads(description.read_text()) == told:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    building = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.copytree(hub, building, ignore=shutil.ignore_patterns("models", "datasets", "spaces", _DESCRIPTION))
    is_changed = f"hash(_id, {seed}) % 1000000 < {round(share * 1_000_000)}"
    later = f"make_timestamptz(cast({_seconds(day)} + hash(_id) % 86000 as bigint) * 1000000)"
    try:
        with connect(building) as connection:
            for table in ("models", "datasets", "spaces"):
                (building / table).mkdir()
                counter = "likes" if table == "spaces" else "downloads"
                for part in sorted((hub / table).glob("*.parquet")):
                    connection.execute(
                        f"copy (select * replace (case when {is_changed} then {later} else lastModified end as"
                        f" lastModified, case when {is_changed} then {counter} + 1 else {counter} end as {counter})"
                        f" from read_parquet('{part}')) to '{building / table / part.name}'"
                        " (format parquet, compression zstd, row_group_size 122880)"
                    )
        (building / _DESCRIPTION).write_text(json.dumps(told))
        building.rename(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return folder


@contextmanager
def connect(scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty DuckDB database in memory with two threads and 3 GB, which spills to a folder in `scratch`."""
    spill = scratch / ".duckdb_tmp"
    config = {"threads": 2, "memory_limit": "3GB", "temp_directory": str(spill)}
    with duckdb.connect(config=config) as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection
    shutil.rmtree(spill, ignore_errors=True)


class _Hub:
    """The tables of one Hub, made one after the other in one database."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Path, scale: float, day: date, seed: int) -> None:
        self._connection, self._folder, self._scale, self._seed = connection, folder, scale, seed
        self._day, self._until = day, int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
        registry = read_registry()
        self._flagships = [f for f in registry.flagships if _born(f) < self._until - 86_400]
        self._models = max(1_000, round(MODELS * scale))
        self._datasets = max(100, round(DATASETS * scale))
        self._spaces = max(100, round(SPACES * scale))
        self._organizations = max(len(registry.names) + 20, round(ORGANIZATIONS * scale))
        self._papers = max(200, round(PAPERS * scale))
        self._prepare(registry)

    def write(self) -> None:
        self._births()
        self._edges()
        self._write_models()
        self._write_datasets()
        self._write_spaces()
        self._write_papers()
        self._write_organizations()

    def _run(self, sql: str) -> None:
        self._connection.execute(sql)

    def _prepare(self, registry: Registry) -> None:
        roots = sorted(registry.roots & registry.names.keys())
        handles = [*roots, *sorted(registry.names.keys() - roots)]
        variables = {
            "handles": handles,
            "redistributors": sorted(registry.redistributors),
            "words": _WORDS,
            "tasks": _TASKS,
            "licenses": list(_LICENSES),
            "languages": list(_LANGUAGES),
            "gone": list(_GONE),
        }
        for name, values in variables.items():
            self._connection.execute(f"set variable {name} = $1", [values])
        invented, users = self._organizations - len(handles), max(50, round(400_000 * self._scale))
        self._handles = handles
        self._run(f"""
            -- A number from 0 to below 1 that only the row's number and a word decide.
            create macro u(n, word) as (hash(n, word, {self._seed}) >> 11) / 9007199254740992.0;
            create macro pick(choices, n, word) as choices[1 + cast(floor(u(n, word) * len(choices)) as integer)];
            create macro heavy(n, word, power) as pow(u(n, word) + 1e-12, -power);
            create macro word(n, word) as pick(getvariable('words'), n, word);
            create macro skewed(n, word, power, below) as cast(floor(pow(u(n, word), power) * below) as bigint);
            create macro organization(k) as concat('bench-org-', lpad(cast(k as varchar), 5, '0'));
            create macro owner(n, word) as case
                when u(n, word) < 0.09
                    then getvariable('handles')[1 + skewed(n, concat(word, ' handle'), 2.3, {len(handles)})]
                when u(n, word) < 0.25 then organization(skewed(n, concat(word, ' organization'), 2.3, {invented}))
                else concat('bench-user-',
                    lpad(cast(skewed(n, concat(word, ' user'), 2.3, {users}) as varchar), 6, '0'))
            end;
            create macro stamp(seconds) as make_timestamptz(cast(seconds as bigint) * 1000000);
            -- Ascends with the second and, within it, with the row's number.
            create macro object_id(seconds, n, kind) as
                printf('%08x%010x%06x', cast(seconds as bigint), hash(seconds, kind, {self._seed}) >> 24,
                    cast(n as bigint));
            create macro sha(n, kind) as concat(md5(concat(kind, n, {self._seed})), substr(md5(concat(n, kind)), 1, 8));
            create macro born(s, count, legacy) as case
                when s < legacy then {LEGACY_IMPORT}
                else cast(floor({LEGACY_IMPORT} + 86400
                    + {self._until - LEGACY_IMPORT - 86_460}
                        * pow((s - legacy + u(s, 'born')) / (count - legacy), 1 / 2.1)
                ) as bigint)
            end;
            create macro modified(n, born, word) as
                cast(born + floor(({self._until} - 1 - born) * pow(u(n, word), 5)) as bigint);
            create macro trending(n, likes) as
                cast(case when u(n, 'trends') < 0.03 then floor(likes * u(n, 'trending') / 4) else 0 end as double);
            create macro paper_day(p) as date '{_FIRST_DAILY_PAGE}' + cast(floor(
                pow((p + 0.5) / {self._papers}, 0.8) * {(self._day - _FIRST_DAILY_PAGE).days}) as integer);
            create macro paper_id(p) as
                concat(strftime(paper_day(p) - 2, '%y%m'), '.', lpad(cast(p % 100000 as varchar), 5, '0'));
            create macro known_paper(n, word, seconds) as
                cast(floor(u(n, word) * {self._papers} * least(1, greatest(0.01,
                    pow((seconds - {_seconds(_FIRST_DAILY_PAGE)}) / {self._until - _seconds(_FIRST_DAILY_PAGE)}, 1.25)
                ))) as bigint);
            create macro dataset_id(k) as
                concat(owner(k, 'dataset'), '/', word(k, 'dataset 1'), '-', word(k, 'dataset 2'), '-',
                    lower(to_base(k, 36)));
        """)

    def _births(self) -> None:
        """`births`: one row a model, `n` by time of creation, with its kind and its name where that is fixed."""
        flagships = pa.table({
            "f": range(len(self._flagships)),
            "id": [f.id for f in self._flagships],
            "family": [f.family for f in self._flagships],
            "size": [f.size for f in self._flagships],
            "task": [f.pipeline for f in self._flagships],
            "born_s": [_born(f) for f in self._flagships],
            "weight": [_HEAVY_FAMILIES.get(f.family, 1) for f in self._flagships],
        })  # fmt: skip
        self._odd, self._odd_edges = _oddities(self._scale, self._until)
        self._connection.register("flagship_rows", flagships)
        self._connection.register("odd_rows", self._odd)
        ordinary = self._models - len(self._flagships) - self._odd.num_rows
        if ordinary < 200:
            raise ValueError("The scale is too small for what each Hub holds: set a larger one.")
        legacy = round(0.0095 * ordinary)
        self._run(f"""
            create table flagships as
            select *, cast(sum(slots) over (order by born_s, f) as bigint) as until_slot
            from (
                select *, cast(10 * weight * least(40, heavy(f, 'flagship', 0.7)) as bigint) as slots from flagship_rows
            );
            create table births as
            select cast(row_number() over (order by born_s, source, s) - 1 as integer) as n, * from (
                select 2 as source, range as s, born(range, {ordinary}, {legacy}) as born_s, null::integer as f,
                    null::varchar as fixed_id
                from range({ordinary})
                union all select 0, f, born_s, f, id from flagships
                union all select 1, s, born_s, null, id from odd_rows
            ) order by n;
        """)

    def _edges(self) -> None:
        """`derived` and `edges`: who derives from whom; a parent that is made up here is always an earlier model."""
        self._run(f"""
            create table derived_origins as
            with known as (
                select births.n, births.born_s, coalesce(flagships.until_slot, 0) as slots
                from births asof left join flagships on births.born_s - 86400 >= flagships.born_s
                where births.source = 2 and births.born_s > {_FIRST_DERIVATIVE} and u(births.n, 'derived') < 0.2785
            ),
            placed as (
                select n, case when u(n, 'origin') < 0.82 and slots > 0 then cast(floor(
                    (case when u(n, 'recent') < 0.4 then 0.75 else 0 end) * slots
                    + u(n, 'slot') * (case when u(n, 'recent') < 0.4 then 0.25 else 1 end) * slots) as bigint) end
                    as slot
                from known
            )
            select placed.n, flagships.f
            from placed asof left join (select f, until_slot - slots as first_slot from flagships) as flagships
                on placed.slot >= flagships.first_slot
            order by n;
            create table derived as
            select n, f, relation,
                row_number() over (partition by f order by n) - 1 as place,
                row_number() over (order by n) - 1 as turn,
                case when relation = 'merge' then row_number() over (partition by relation order by n) - 1 end
                    as merge_turn
            from (
                select *, case
                    when u(n, 'relation') < 0.45 then 'finetune' when u(n, 'relation') < 0.65 then 'adapter'
                    when u(n, 'relation') < 0.97 then 'quantized' else 'merge'
                end as relation from derived_origins
            ) order by n;
            create table edges as
            with flagship_births as (select f, n from births where f is not null),
            first_parents as (
                select derived.n as child, 0 as place, case
                    when derived.f is null then skewed(derived.n, 'any', 1.6, derived.n)
                    when relative.n is null then flagship_births.n
                    else relative.n end as parent
                from derived
                left join flagship_births on derived.f = flagship_births.f
                left join derived as relative
                    on derived.f = relative.f and u(derived.n, 'relative') < 0.55
                    and relative.place = skewed(derived.n, 'relative place', 3, derived.place)
                    and relative.place < derived.place
            ),
            wishes as (
                select n, turn, merge_turn, unnest(range(1, 2 + least({LARGEST_MERGE - 2},
                    cast(floor(heavy(n, 'parents', 0.7)) as bigint)))) as place
                from derived where relation = 'merge' and turn > 0
            ),
            placed_wishes as (
                select *, n * 64 + place as w from wishes
            ),
            further_parents as (
                select w.n as child, w.place, coalesce(merges.n, others.n) as parent
                from placed_wishes as w
                inner join derived as others on others.turn = skewed(w.w, 'merged', 1.5, w.turn)
                -- Merges of merges, in small circles.
                left join derived as merges on u(w.w, 'of merges') < 0.3
                    and merges.merge_turn = w.merge_turn - 1 - skewed(w.w, 'merged merge', 1, w.merge_turn % 16)
                    and w.merge_turn % 16 > 0
            )
            select child, parent, min(place) as place from (from first_parents union all from further_parents)
            group by all order by child, place;
        """)
        self._run("""
            create table lookup as
            with rows as (
                select births.n, births.born_s, births.source, births.f as flagship, births.fixed_id,
                    derived.f as origin, derived.relation,
                    case when derived.n is not null and u(births.n, 'source') < 0.03 then 'gone'
                        when derived.n is not null and u(births.n, 'source') < 0.04 then 'tags'
                        when derived.n is not null and u(births.n, 'source') < 0.045 then 'declared' end as named_by
                from births left join derived on births.n = derived.n
            )
            select n, born_s, source, flagship, relation, named_by, coalesce(flagship, origin) as f,
                object_id(born_s, n, 'models') as _id,
                coalesce(fixed_id, concat(
                    case when relation = 'quantized' and u(n, 'redistributed') < 0.4
                        then pick(getvariable('redistributors'), n, 'redistributor') else owner(n, 'model') end,
                    '/',
                    coalesce((select split_part(id, '/', 2) from flagships where flagships.f = rows.origin),
                        concat(word(n, 'model 1'), '-', word(n, 'model 2'))),
                    case relation when 'quantized' then '-GGUF' when 'adapter' then '-lora' when 'merge' then '-merge'
                        when 'finetune' then concat('-', word(n, 'model 3')) else '' end,
                    '-', lower(to_base(n, 36)))) as id
            from rows order by n;
        """)
        self._connection.register("odd_edges", self._odd_edges)
        self._run("""
            insert into edges
            select child.n, parent.n, odd_edges.place from odd_edges
            inner join lookup as child on odd_edges.child = child.id
            inner join lookup as parent on odd_edges.parent = parent.id
            order by all;
        """)

    def _write_models(self) -> None:
        for number, (low, high) in enumerate(_parts(self._models)):
            self._copy(
                "models",
                number,
                f"""
                with parents as (
                    select edges.child as n, list(struct_pack(_id := lookup._id, id := lookup.id) order by edges.place)
                        as models
                    from edges inner join lookup on edges.parent = lookup.n
                    where edges.child >= {low} and edges.child < {high} group by edges.child
                ),
                facts as (
                    select lookup.*, flagships.family, flagships.size,
                        coalesce(lookup.relation, case when parents.n is not null then odd_rows.relation end)
                            as relation_,
                        parents.models as parents_,
                        coalesce(flagships.task, case when u(lookup.n, 'task?') < 0.75
                            then pick(getvariable('tasks'), lookup.n, 'task') end) as task,
                        (case when lookup.flagship is not null then 2000
                            when lookup.f is not null then 3 else 1 end) as pull,
                        coalesce(flagships.size, 0.1 * least(500, heavy(lookup.n, 'size', 0.8)))
                            * (0.9 + 0.2 * u(lookup.n, 'exact size')) as billions
                    from lookup
                    left join parents on lookup.n = parents.n
                    left join flagships on lookup.f = flagships.f
                    left join odd_rows on lookup.source = 1 and lookup.id = odd_rows.id
                    where lookup.n >= {low} and lookup.n < {high}
                ),
                counted as (
                    select *, cast(least(90000000 * (1 + u(n, 'cap')), floor(pull * (heavy(n, 'downloads', 1.35) - 1)
                        + 20 * u(n, 'few'))) as bigint) as downloads,
                        cast(least(14000 * (1 + u(n, 'cap')),
                            floor((1 + ln(pull)) * 0.4 * heavy(n, 'likes', 0.8))) as bigint) as likes,
                        cast(floor(billions * 1e9) as bigint) as parameters,
                        relation_ is not distinct from 'quantized' as is_gguf,
                        relation_ is not distinct from 'adapter' as is_adapter,
                        case
                            when is_adapter then 'peft'
                            when task is null and u(n, 'library?') < 0.7 then null
                            when is_gguf then 'gguf'
                            else {_library()}
                        end as library,
                        case when named_by = 'gone' then [pick(getvariable('gone'), n, 'gone')]
                            else list_transform(parents_, lambda p: p.id) end as named
                    from facts
                )
                select _id, id, split_part(id, '/', 1) as author, sha(n, 'model') as sha,
                    stamp(born_s) as createdAt, stamp(modified(n, born_s, 'modified')) as lastModified,
                    false as private,
                    case when u(n, 'gated') < 0.012 then 'auto' when u(n, 'gated') < 0.02 then 'manual'
                        else 'false' end as gated,
                    false as disabled, downloads,
                    cast(floor(downloads * (1 + u(n, 'ever') * ({self._until} - born_s) / 2592000)) as bigint)
                        as downloadsAllTime,
                    likes, trending(n, likes) as trendingScore,
                    list_concat(
                        string_split(concat_ws('|',
                            library,
                            case when is_gguf then null when u(n, 'file') < 0.8 then 'safetensors'
                                else 'pytorch' end,
                            lower(replace(family, ' ', '-')),
                            task,
                            case when task = 'text-generation' then 'conversational' end,
                            case when u(n, 'generated') < 0.5 then 'generated_from_trainer' end,
                            case when u(n, 'language?') < 0.6 then pick(getvariable('languages'), n, 'language') end,
                            case when u(n, 'data?') < 0.12
                                then concat('dataset:', dataset_id(skewed(n, 'data', 3, {self._datasets}))) end,
                            case when u(n, 'paper?') < 0.17
                                then concat('arxiv:', paper_id(known_paper(n, 'paper', born_s))) end,
                            case when u(n, 'papers?') < 0.04
                                then concat('arxiv:', paper_id(known_paper(n, 'second paper', born_s))) end,
                            case when u(n, 'license?') < 0.7
                                then concat('license:', pick(getvariable('licenses'), n, 'license')) end,
                            case when u(n, 'own tag') < 0.4 then concat_ws('|', word(n, 'tag 1'), word(n, 'tag 2')) end,
                            case when u(n, 'served') < 0.5 then 'autotrain_compatible' end,
                            case when u(n, 'endpoints') < 0.6 then 'endpoints_compatible' end,
                            case when task = 'text-generation' and u(n, 'tgi') < 0.6
                                then 'text-generation-inference' end,
                            'region:us'), '|'),
                        coalesce(flatten(list_transform(named, lambda x: case when named_by = 'declared'
                            then [concat('base_model:', x)]
                            else [concat('base_model:', x), concat('base_model:', relation_, ':', x)] end)), [])
                    ) as tags,
                    task as pipeline_tag, library as library_name,
                    case when not is_gguf and not is_adapter and u(n, 'file') < 0.5 then struct_pack(
                        total := parameters,
                        parameters := map([pick(['BF16', 'BF16', 'F16', 'F32'], n, 'dtype')], [parameters])) end
                        as safetensors,
                    case when is_gguf then struct_pack(total := parameters,
                        architecture := coalesce(lower(replace(family, ' ', '-')), 'llama')) end as gguf,
                    case when parents_ is not null and named_by is null
                        then struct_pack(relation := relation_, models := parents_) end as baseModels,
                    case when u(n, 'storage') < 0.98 then parameters // (case when is_adapter then 100 else 1 end) * 2
                        end as usedStorage
                from counted order by n desc""",
            )

    def _write_datasets(self) -> None:
        self._run(f"""
            create table dataset_births as
            select range as n, born(range, {self._datasets}, {round(0.004 * self._datasets)}) as born_s
            from range({self._datasets}) order by n
        """)
        for number, (low, high) in enumerate(_parts(self._datasets)):
            self._copy(
                "datasets",
                number,
                f"""
                with counted as (
                    select n, born_s, dataset_id(n) as id,
                        cast(least(8000000, floor(heavy(n, 'dataset downloads', 1.2) - 1 + 12 * u(n, 'dataset few')))
                            as bigint) as downloads,
                        cast(least(9000, floor(0.4 * heavy(n, 'dataset likes', 0.75))) as bigint) as likes
                    from dataset_births where n >= {low} and n < {high}
                )
                select object_id(born_s, n, 'datasets') as _id, id, split_part(id, '/', 1) as author,
                    sha(n, 'dataset') as sha, stamp(born_s) as createdAt,
                    stamp(modified(n, born_s, 'dataset modified')) as lastModified, false as private,
                    case when u(n, 'dataset gated') < 0.02 then 'auto' else 'false' end as gated,
                    false as disabled, downloads,
                    cast(floor(downloads * (1 + u(n, 'dataset ever') * ({self._until} - born_s) / 2592000)) as bigint)
                        as downloadsAllTime,
                    likes, trending(n, likes) as trendingScore,
                    string_split(concat_ws('|',
                        concat('task_categories:', pick(getvariable('tasks'), n, 'dataset task')),
                        case when u(n, 'dataset license?') < 0.4
                            then concat('license:', pick(getvariable('licenses'), n, 'dataset license')) end,
                        concat('size_categories:', pick(['n<1K', '1K<n<10K', '10K<n<100K', '100K<n<1M'], n, 'rows')),
                        'format:parquet', pick(['modality:text', 'modality:image', 'modality:audio'], n, 'modality'),
                        'library:datasets', 'library:pandas', 'library:polars',
                        case when u(n, 'dataset paper?') < 0.05
                            then concat('arxiv:', paper_id(known_paper(n, 'dataset paper', born_s))) end,
                        'region:us'), '|') as tags,
                    cast(100000 * heavy(n, 'dataset storage', 1.2) as bigint) as usedStorage
                from counted order by n desc""",
            )

    def _write_spaces(self) -> None:
        self._run(f"""
            create table space_births as
            select range as n, born(range, {self._spaces}, {round(0.003 * self._spaces)}) as born_s
            from range({self._spaces}) order by n;
            create table used_models as
            with wishes as (
                select n, born_s, unnest(range(cast(floor(4 * pow(u(n, 'uses'), 2)) as integer))) as place
                from space_births
            ),
            known as (
                select wishes.n, wishes.place, births.n as known
                from wishes asof left join (select born_s, max(n) as n from births group by born_s) as births
                    on wishes.born_s >= births.born_s
            )
            select n, place, skewed(n * 8 + place, 'used', 2.5, known + 1) as model from known where known is not null;
        """)
        for number, (low, high) in enumerate(_parts(self._spaces)):
            self._copy(
                "spaces",
                number,
                f"""
                with used as (
                    select used_models.n, list(lookup.id order by used_models.place) as models
                    from used_models inner join lookup on used_models.model = lookup.n
                    where used_models.n >= {low} and used_models.n < {high} group by used_models.n
                ),
                counted as (
                    select s.n, s.born_s, used.models,
                        pick(['gradio', 'gradio', 'docker', 'static'], s.n, 'sdk') as sdk,
                        concat(owner(s.n, 'space'), '/', word(s.n, 'space'), '-demo-', lower(to_base(s.n, 36))) as id,
                        cast(least(14000, floor(0.35 * heavy(s.n, 'space likes', 0.8))) as bigint) as likes
                    from space_births as s left join used on s.n = used.n where s.n >= {low} and s.n < {high}
                )
                select object_id(born_s, n, 'spaces') as _id, id, split_part(id, '/', 1) as author,
                    sha(n, 'space') as sha, stamp(born_s) as createdAt,
                    stamp(modified(n, born_s, 'space modified')) as lastModified, false as private,
                    false as disabled, likes, trending(n, likes) as trendingScore,
                    string_split(concat_ws('|', sdk, case when u(n, 'server') < 0.1 then 'mcp-server' end,
                        'region:us'), '|') as tags,
                    sdk, models,
                    case when u(n, 'space data') < 0.06
                        then [dataset_id(skewed(n, 'space dataset', 3, {self._datasets}))] end as datasets,
                    cast(20000 * heavy(n, 'space storage', 1.1) as bigint) as usedStorage
                from counted order by n desc""",
            )

    def _write_papers(self) -> None:
        self._copy(
            "daily_papers",
            0,
            f"""
            with told as (
                select range as p, paper_day(range) as day, paper_id(range) as id,
                    concat(word(range, 'title 1'), ' ', word(range, 'title 2'), ': on the ', word(range, 'title 3'),
                        ' of ', word(range, 'title 4')) as title,
                    case when u(range, 'affiliated') < 0.55
                        then getvariable('handles')[1 + skewed(range, 'affiliation', 2, {len(self._handles)})] end
                        as handle,
                    cast(least(3000, floor(3 * heavy(range, 'upvotes', 0.7))) as bigint) as upvotes
                from range({self._papers})
            ),
            linked as (
                select *, case when day >= date '2025-10-03' and handle is not null then struct_pack(
                    _id := substr(md5(concat('organization', handle)), 1, 24), name := handle, fullname := handle)
                    end as organization
                from told
            )
            select day as date, struct_pack(id := id, title := title,
                    publishedAt := cast(day - 2 as timestamp)::timestamptz + interval 9 hour,
                    submittedOnDailyAt := cast(day as timestamp)::timestamptz
                        + to_seconds(cast(floor(40000 * u(p, 'hour')) as bigint)),
                    upvotes := upvotes,
                    authors := list_transform(range(1 + cast(floor(9 * u(p, 'authors')) as integer)),
                        lambda a: struct_pack(name := concat('Author ', a, ' of ', p))),
                    organization := organization) as paper,
                cast(day - 2 as timestamp)::timestamptz + interval 14 hour as publishedAt, title,
                cast(floor(3 * u(p, 'comments')) as bigint) as numComments, organization
            from linked order by day, upvotes desc, p""",
        )

    def _write_organizations(self) -> None:
        counts = {
            kind: f"select author, count(*) as count from '{self._folder}/{kind}/*.parquet' group by author"
            for kind in ("models", "datasets", "spaces")
        }
        self._copy(
            "organizations",
            0,
            f"""
            with names as (
                select unnest(getvariable('handles')) as handle, true as is_known
                union all select organization(range), false
                from range({self._organizations - len(self._handles)})
            ),
            models as ({counts["models"]}), datasets as ({counts["datasets"]}), spaces as ({counts["spaces"]})
            select handle, substr(md5(concat('organization', handle)), 1, 24) as _id, handle as name,
                handle as fullname, is_known and u(handle, 'verified') < 0.7 as isVerified,
                case when u(handle, 'plan') < 0.3 then 'team' end as plan,
                cast(least(20000, floor(3 * heavy(handle, 'members', 0.8))) as bigint) as numUsers,
                coalesce(models.count, 0) as numModels, coalesce(datasets.count, 0) as numDatasets,
                coalesce(spaces.count, 0) as numSpaces, cast(floor(9 * u(handle, 'papers')) as bigint) as numPapers,
                cast(least(200000, floor((case when is_known then 900 else 2 end) * heavy(handle, 'followers', 0.8)))
                    as bigint) as numFollowers
            from names
            left join models on handle = models.author
            left join datasets on handle = datasets.author
            left join spaces on handle = spaces.author
            order by handle""",
        )

    def _copy(self, table: str, number: int, sql: str) -> None:
        folder = self._folder / table
        folder.mkdir(exist_ok=True)
        columns = [column for column in SCHEMAS[table] if column.name not in OUR_COLUMNS]
        listed = ", ".join(
            f'cast("{column.name}" as {duckdb_type(column.type)}) as "{column.name}"' for column in columns
        )
        self._run(
            f"copy (select {listed} from ({sql})) to '{folder}/part-{number:05}.parquet'"
            " (format parquet, compression zstd, row_group_size 122880)"
        )


def _library() -> str:
    named = " ".join(f"when '{task}' then '{library}'" for task, library in _LIBRARIES.items())
    return f"case task {named} else 'transformers' end"


def _parts(rows: int) -> list[tuple[int, int]]:
    """Ranges of row numbers, the newest first, each with as many rows as a part of a snapshot has."""
    return [(max(0, high - PART_ROWS), high) for high in range(rows, 0, -PART_ROWS)]


def _seconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def _born(flagship: Flagship) -> int:
    born = datetime.fromisoformat(flagship.born).replace(tzinfo=UTC)
    return max(LEGACY_IMPORT, int((born + timedelta(hours=9)).timestamp()))


def _oddities(scale: float, until: int) -> tuple[pa.Table, pa.Table]:
    """Models that are odd on purpose and their parents: chains, the largest merge, loops and cycles."""
    ids: list[str] = []
    relations: list[str] = []
    edges: list[tuple[str, str, int]] = []

    def odd(id: str, *parents: str, relation: str = "finetune") -> str:
        ids.append(id)
        relations.append(relation)
        edges.extend((id, parent, place) for place, parent in enumerate(parents))
        return id

    base = "Qwen/Qwen3-8B"
    for chain in range(1 + round(60 * scale)):
        length = LONGEST_CHAIN if chain == 0 else 5 + chain * 37 % 40
        parent = base
        for step in range(length):
            parent = odd(f"bench-chains/chain-{chain:03}-{step + 1:02}", parent)
    odd("bench-chains/merge-of-47", *ids[: LARGEST_MERGE - 1], base, relation="merge")
    for number in range(3 + round(200 * scale)):
        odd(f"bench-loops/self-{number:03}", f"bench-loops/self-{number:03}")
    for size in (2, 3):
        names = [f"bench-loops/cycle-of-{size}-{place}" for place in range(size)]
        for place, name in enumerate(names):
            odd(name, names[place - 1], relation="quantized")
    born = [until - 86_400 * 200 + 600 * number for number in range(len(ids))]
    rows = pa.table({"s": range(len(ids)), "id": ids, "relation": relations, "born_s": born})
    child, parent, place = zip(*edges, strict=True)
    return rows, pa.table({"child": child, "parent": parent, "place": place})
