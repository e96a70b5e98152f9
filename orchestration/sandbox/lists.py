"""The three lists of the sandbox Hub: filters, orders, fields and pages over the rows of a catalogue.

Repositories that were pushed to the sandbox are not listed: a catalogue stays what its label says.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any, get_args

from starlette.requests import Request
from starlette.responses import Response

from orchestration.sandbox.answers import HubError, Json, next_link, page_limit, read_cursor
from orchestration.sandbox.catalogue import Catalogue

SORTS = ("createdAt", "lastModified", "downloads", "likes", "trendingScore")
_DATES = ("createdAt", "lastModified")

_EXPANDABLE = {
    "models": "ExpandModelProperty_T",
    "datasets": "ExpandDatasetProperty_T",
    "spaces": "ExpandSpaceProperty_T",
}
_UNLISTED = frozenset(
    {"baseModels", "cardData", "downloadsAllTime", "gguf", "safetensors", "sha", "siblings", "usedStorage"}
)
_PARAMETERS = re.compile(r"author|cardData|config|cursor|direction|expand(\[])?|filter|full|limit|search|sort")


@dataclass
class _Order:
    """Rows of one kind and their sort keys, both ascending; `source` tells whether rows came or went since."""

    rows: list[Any]
    keys: list[tuple[Any, str]]
    source: list[Any]
    length: int


class Lists:
    """Pages over a catalogue: a first page orders rows anew, later ones keep that order unless rows came or went."""

    def __init__(self, catalogue: Catalogue) -> None:
        """Orders nothing yet."""
        self._catalogue = catalogue
        self._orders: dict[tuple[str, str], _Order] = {}

    def answer(self, request: Request, kind: str) -> Response:
        """One page of `kind`, highest sort value first; raises 400 for what the sandbox does not know."""
        params = request.query_params
        if unknown := [name for name in params if not _PARAMETERS.fullmatch(name)]:
            raise HubError(400, f'The sandbox does not know the list parameter "{unknown[0]}".')
        sort = params.get("sort", "trendingScore")
        if sort not in SORTS:
            raise HubError(400, f'"sort" must be one of {", ".join(SORTS)}.')
        if params.get("direction", "-1") != "-1":
            raise HubError(400, "The sandbox lists in descending order only.")
        expand = expanded_fields(request, kind)
        limit = page_limit(request)
        cursor = read_cursor(request, 2)
        order = self._order(kind, sort, fresh=cursor is None)
        try:
            end = len(order.keys) if cursor is None else bisect_left(order.keys, tuple(cursor))
        except TypeError as error:
            raise HubError(400, "Invalid cursor.") from error
        # One more than the page tells whether there is a next one.
        found = list(islice(_matching(request, order.rows, end), limit + 1))
        hidden = frozenset() if expand or "full" in params else _UNLISTED
        body = [shown(order.rows[index], expand, hidden) for index in found[:limit]]
        headers = next_link(request, [*order.keys[found[limit - 1]]]) if len(found) > limit else None
        return Json(body, headers=headers)

    def _order(self, kind: str, sort: str, *, fresh: bool) -> _Order:
        source = getattr(self._catalogue, kind)
        known = self._orders.get((kind, sort))
        if fresh or known is None or known.source is not source or known.length != len(source):
            keyed = sorted(((*_key(row, sort), index) for index, row in enumerate(source)))
            known = _Order([source[key[2]] for key in keyed], [key[:2] for key in keyed], source, len(source))
            self._orders[kind, sort] = known
        return known


@cache
def _expandable(kind: str) -> frozenset[str]:
    # The client's own types are the list the Hub goes by; loaded late because they take half a second.
    from huggingface_hub import hf_api

    return frozenset(get_args(getattr(hf_api, _EXPANDABLE[kind])))


def expanded_fields(request: Request, kind: str) -> frozenset[str] | None:
    """The fields `expand` asks for with the two that always come, None without `expand`; raises 400 on unknown ones."""
    values = request.query_params.getlist("expand") + request.query_params.getlist("expand[]")
    names = {name for value in values for name in value.split(",") if name}
    if unknown := names - _expandable(kind):
        raise HubError(400, f'"expand" must name fields of {kind}, not {min(unknown)!r:.80}.')
    return frozenset(names | {"_id", "id"}) if names else None


def shown(row: Any, fields: frozenset[str] | None, hidden: frozenset[str] = frozenset()) -> Any:
    """The row with those fields (all if None) but the hidden ones, and as it is where it is no object at all."""
    if not isinstance(row, dict) or (fields is None and not hidden):
        return row
    return {name: value for name, value in row.items() if (fields is None or name in fields) and name not in hidden}


def _key(row: Any, sort: str) -> tuple[Any, str]:
    """What a row sorts by, a total order even over rows a test has poisoned; the Hub's `_id` breaks ties."""
    if not isinstance(row, dict):
        row = {}
    value = row.get(sort)
    if sort in _DATES:
        value = value if isinstance(value, str) else ""
    elif isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        value = -1
    return value, str(row.get("_id") or row.get("id") or "")


def _matching(request: Request, rows: list[Any], end: int) -> Iterator[int]:
    """Indices below `end` whose rows pass the filters, downwards."""
    author = request.query_params.get("author", "").lower()
    search = request.query_params.get("search", "").lower()
    tags = {tag for value in request.query_params.getlist("filter") for tag in value.split(",") if tag}
    for index in range(end - 1, -1, -1):
        if author or search or tags:
            row = rows[index]
            if not isinstance(row, dict):
                continue
            name = str(row.get("id")).lower()
            known = {row.get("pipeline_tag"), row.get("library_name"), *(row.get("tags") or ())}
            if not (search in name and tags <= known and (not author or name.startswith(author + "/"))):
                continue
        yield index
