"""A whole Hub over a made-up one: `python -m benchmarks.hub_server HUB PAGES STORE QUOTA`.

Belongs here: the sandbox's own server, with the lists answered from pages on disk, so that a refresh of any size runs
against it. It says on standard output where it listens and ends with its standard input. Of a list in another order
than `createdAt` it knows what lies in `<list>-<order>`. QUOTA requests are answered in 300 s.
"""

import gzip
import os
import signal
import sys
import threading
from collections import defaultdict
from pathlib import Path

import duckdb
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.forms import PAGE_TABLES, source_label
from orchestration.sandbox.catalogue import Catalogue
from orchestration.sandbox.server import create_app, serve


def main() -> None:
    """Serves until standard input ends."""
    hub, pages, store = map(Path, sys.argv[1:4])
    quota = int(sys.argv[4])
    threading.Thread(target=_stop_at_end_of_input, daemon=True).start()
    app = create_app(_catalogue(hub), store, quota=quota)
    # Before the route of the sandbox's own lists, which holds all rows in memory.
    app.router.routes[:0] = [Route(f"/api/{kind}", _List(pages, kind)) for kind in PAGE_TABLES]
    serve(app, port=0)


class _List:
    """One list, a page a request, as it lies on disk."""

    def __init__(self, pages: Path, kind: str) -> None:
        self._pages, self._kind = pages, kind
        self._lists: dict[str, list[Path]] = {}

    async def __call__(self, scope: dict, receive: object, send: object) -> None:
        await self._answer(Request(scope))(scope, receive, send)

    def _answer(self, request: Request) -> Response:
        sort = request.query_params.get("sort", "createdAt")
        name = self._kind if sort == "createdAt" else f"{self._kind}-{sort}"
        if name not in self._lists:
            self._lists[name] = sorted((self._pages / name).glob("page-*.json.gz"))
        pages, number = self._lists[name], int(request.query_params.get("cursor", "0"))
        if number >= len(pages):
            return Response(b'{"error": "no such page"}', 400, media_type="application/json")
        body, headers = pages[number].read_bytes(), {"content-encoding": "gzip"}
        if "gzip" not in request.headers.get("accept-encoding", ""):
            body, headers = gzip.decompress(body), {}
        if number + 1 < len(pages):
            headers["link"] = f'<{request.url.include_query_params(cursor=number + 1)}>; rel="next"'
        return Response(body, headers=headers, media_type="application/json")


def _catalogue(hub: Path) -> Catalogue:
    """Overviews and papers of the Hub; its lists stay on disk."""
    moment = "strftime({}, '%Y-%m-%dT%H:%M:%S.000Z')"
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        overviews = connection.execute(f"from read_parquet('{hub}/organizations/*.parquet')")
        names = [column[0] for column in overviews.description]
        rows = [dict(zip(names, row, strict=True)) for row in overviews.fetchall()]
        organizations = {
            row["handle"].lower(): {key: value for key, value in row.items() if key != "handle" and value is not None}
            for row in rows
        }
        papers: dict[str, list[dict]] = defaultdict(list)
        items = connection.execute(f"""
            select cast(date as varchar), paper.id, paper.title, {moment.format("paper.publishedAt")},
                {moment.format("paper.submittedOnDailyAt")}, paper.upvotes, paper.authors, paper.organization,
                {moment.format("publishedAt")}, title, numComments, organization
            from read_parquet('{hub}/daily_papers/*.parquet')""").fetchall()
    inner = ("id", "title", "publishedAt", "submittedOnDailyAt", "upvotes", "authors", "organization")
    for day, *values in items:
        paper, outer = dict(zip(inner, values[:7], strict=True)), dict(
            zip(("publishedAt", "title", "numComments", "organization"), values[7:], strict=True)
        )  # fmt: skip
        item = {"paper": {key: value for key, value in paper.items() if value is not None}, **outer}
        papers[day].append({key: value for key, value in item.items() if value is not None})
    return Catalogue(
        label=source_label(hub),
        synthetic=True,
        models=[],
        datasets=[],
        spaces=[],
        organizations=organizations,
        organizations_synthetic=True,
        papers=dict(papers),
        renames={},
    )


def _stop_at_end_of_input() -> None:
    while sys.stdin.buffer.read(1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
