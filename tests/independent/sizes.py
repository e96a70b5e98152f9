"""How many parameters the weights of each model hold, and where the number comes from."""

from collections.abc import Mapping
from typing import NamedTuple

from tests.independent.lineage import Lineage
from tests.independent.registry import Row

MAX_PLAUSIBLE_PARAMETERS = 10**14
_WORDS = ("I32", "U32", "U8")
_PACKED = {
    "1-bit", "2-bit", "3-bit", "4-bit", "4bit", "5-bit", "6-bit", "gptq", "awq", "bitsandbytes", "int4", "w4a16", "fp4",
    "mxfp4", "nvfp4", "exl2", "exl3",
}  # fmt: skip
_PACKED_UNLESS_FP8 = {"8-bit", "8bit", "compressed-tensors", "quantized"}


class Size(NamedTuple):
    """`stored` is what the files count, `count` what the weights hold."""

    stored: int | None
    count: int | None
    source: str | None


def claimed(row: Row) -> list[int]:
    """What safetensors and GGUF headers say, plausible or not."""
    totals = ((row.get(name) or {}).get("total") for name in ("safetensors", "gguf"))
    return [total for total in totals if total is not None]


def is_implausible(row: Row) -> bool:
    return any(not 0 <= total <= MAX_PLAUSIBLE_PARAMETERS for total in claimed(row))


def _total(row: Row, name: str) -> int | None:
    total = (row.get(name) or {}).get("total")
    return total if total is not None and 1 <= total <= MAX_PLAUSIBLE_PARAMETERS else None


def is_packed(row: Row) -> bool | None:
    """Whether several weights stand in one word; None where neither dtypes nor tags tell."""
    safetensors = row.get("safetensors") or {}
    if dtypes := safetensors.get("parameters"):
        total = safetensors.get("total")
        return total is not None and 100 * sum(dtypes.get(word, 0) for word in _WORDS) > total
    tags = set(row.get("tags") or [])
    return True if tags & _PACKED or (tags & _PACKED_UNLESS_FP8 and "fp8" not in tags) else None


def model_sizes(lineage: Lineage) -> Mapping[str, Size]:
    """The size of each model by its key."""
    relations: dict[str, set[str | None]] = {}
    for edge in lineage.edges:
        relations.setdefault(edge.child, set()).add(edge.relation)
    own: dict[str, tuple[int, str]] = {}
    follows = set()
    for key, row in lineage.models.items():
        said, packed = relations.get(key, set()), is_packed(row)
        is_adapter = "adapter" in said or row.get("library_name") == "peft"
        is_quantized = "quantized" in said
        if is_adapter or is_quantized or packed:
            follows.add(key)
        in_words = is_quantized if packed is None else packed
        if is_adapter:
            continue
        if (count := _total(row, "safetensors")) and not in_words:
            own[key] = count, "safetensors"
        elif count := _total(row, "gguf"):
            own[key] = count, "gguf"
    sizes = {}
    for key, row in lineage.models.items():
        count, source = own.get(key, (None, None))
        above = lineage.ancestors(key) if key in follows else {}
        if known := [(-steps, own[ancestor][0]) for ancestor, steps in above.items() if ancestor in own]:
            (_, count), source = max(known), "base_model"
        sizes[key] = Size(_total(row, "safetensors") or _total(row, "gguf"), count, source)
    return sizes
