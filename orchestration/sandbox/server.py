"""The sandbox Hub: the Hub's HTTP API on this machine, over a catalogue and a folder of repositories.

Routes and the answers that are about no single repository live here, and how the server starts and stops.
"""

import contextlib
import datetime
import signal
import socket
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestration.sandbox import repos, writes
from orchestration.sandbox.answers import HubError, Json, authenticated, error_answer, page_limit
from orchestration.sandbox.catalogue import Catalogue
from orchestration.sandbox.limits import RECORDED_REQUESTS, Front, Quota
from orchestration.sandbox.lists import Lists
from orchestration.sandbox.store import Refused, Store, StoreDamaged

PAPERS_CAP, PAPERS_DEFAULT = 100, 50


def create_app(
    catalogue: Catalogue,
    store_dir: Path,
    *,
    token: str = "hf_sandbox",
    quota: int = 100_000,
    window_seconds: int = 300,
) -> Starlette:
    """The application, its store opened; `app.state.requests` holds (method, path with query) of the requests so far.

    `quota` requests are answered per `window_seconds`, API and downloads counted apart.
    Raises StoreLocked if another server holds `store_dir`, StoreDamaged if it cannot be read.
    """
    store = Store(Path(store_dir))

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        store.close()

    requests: deque[tuple[str, str]] = deque(maxlen=RECORDED_REQUESTS)
    app = Starlette(
        routes=_routes(),
        lifespan=lifespan,
        middleware=[
            Middleware(Front, catalogue=catalogue, requests=requests, token=token, quota=Quota(quota, window_seconds))
        ],
        exception_handlers={
            HubError: error_answer,
            HTTPException: _unknown_route,
            Refused: repos.store_error,
            StoreDamaged: repos.store_error,
            OSError: repos.store_error,
        },
    )
    app.state.store, app.state.catalogue, app.state.token = store, catalogue, token
    app.state.lists, app.state.requests = Lists(catalogue), requests
    return app


def serve(app: Starlette, *, port: int) -> None:
    """Serves on 127.0.0.1 until SIGTERM or SIGINT and prints the address once connections are accepted.

    Port 0 takes a free one. Raises OSError if the port is taken.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with listener:
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            app.state.store.close()
            raise
        server = AnnouncedServer(
            uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=3)
        )
        # uvicorn stops cleanly on both signals and then raises them again for whoever called it.
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            with contextlib.suppress(KeyboardInterrupt):
                server.run(sockets=[listener])
        finally:
            signal.signal(signal.SIGTERM, before)


class AnnouncedServer(uvicorn.Server):
    """A server that says on standard output where it listens, as soon as it does."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts listening on the given sockets."""
        await super().startup(sockets)
        for listener in sockets or []:
            print(f"Sandbox Hub: http://127.0.0.1:{listener.getsockname()[1]}", flush=True)  # noqa: T201


def _routes() -> list[Route]:
    repo = "/api/{kind}/{owner}/{name}"
    git = ["/{owner}/{name}.git/info/lfs", "/{kind}/{owner}/{name}.git/info/lfs"]
    files = ["/{owner}/{name}/resolve/{revision}/{path:path}", "/{kind}/{owner}/{name}/resolve/{revision}/{path:path}"]
    post, delete = ["POST"], ["DELETE"]
    return [
        Route("/_sandbox/requests", recorded_requests),
        Route("/_sandbox/requests/reset", reset_requests, methods=post),
        Route("/_lfs/{oid}", writes.lfs_put, methods=["PUT"]),
        Route("/api/whoami-v2", whoami),
        Route("/api/daily_papers", daily_papers),
        Route("/api/organizations/{name}/overview", organization_overview),
        Route("/api/validate-yaml", writes.validate_yaml, methods=post),
        Route("/api/repos/create", writes.create, methods=post),
        Route("/api/repos/delete", writes.delete, methods=delete),
        Route("/api/{kind}", list_repos),
        Route("/api/{kind}/{name}", repos.info),
        Route("/api/{kind}/{name}/revision/{revision}", repos.info),
        Route(repo, repos.info),
        Route(repo + "/revision/{revision}", repos.info),
        Route(repo + "/refs", repos.refs),
        Route(repo + "/commits/{revision}", repos.commits),
        Route(repo + "/tree/{revision}", repos.tree),
        Route(repo + "/tree/{revision}/{path:path}", repos.tree),
        Route(repo + "/paths-info/{revision}", repos.paths_info, methods=post),
        Route(repo + "/preupload/{revision}", writes.preupload, methods=post),
        Route(repo + "/xet-write-token/{revision}", writes.no_xet),
        Route(repo + "/commit/{revision}", writes.commit, methods=post),
        Route(repo + "/tag/{revision}", writes.create_tag, methods=post),
        Route(repo + "/tag/{revision}", writes.delete_tag, methods=delete),
        Route(repo + "/branch/{revision}", writes.create_branch, methods=post),
        Route(repo + "/branch/{revision}", writes.delete_branch, methods=delete),
        *(Route(path + "/objects/batch", writes.lfs_batch, methods=post) for path in git),
        *(Route(path + "/verify", writes.lfs_verify, methods=post) for path in git),
        *(Route(path, repos.resolve) for path in files),
    ]


def list_repos(request: Request) -> Response:
    """GET /api/models, /api/datasets, /api/spaces."""
    return request.app.state.lists.answer(request, repos.kind_of(request))


def whoami(request: Request) -> Response:
    """GET /api/whoami-v2: the one user of the sandbox."""
    if not authenticated(request):
        raise HubError(401, "Invalid username or password.")
    return Json(
        {
            "type": "user",
            "id": "0" * 24,
            "name": repos.USER,
            "fullname": "The sandbox's user",
            "isPro": False,
            "orgs": [],
            "auth": {"type": "access_token", "accessToken": {"displayName": repos.USER, "role": "write"}},
        }
    )


def organization_overview(request: Request) -> Response:
    """GET /api/organizations/{name}/overview, whatever the case of the name."""
    catalogue: Catalogue = request.app.state.catalogue
    overview = catalogue.organizations.get(repos.param(request, "name").lower())
    if overview is None:
        raise HubError(404, "Organization not found")
    return Json(overview, headers={"X-Hubscape-Synthetic": "true"} if catalogue.organizations_synthetic else None)


def daily_papers(request: Request) -> Response:
    """GET /api/daily_papers: one page of one day, of all days newest first without a date."""
    papers, params = request.app.state.catalogue.papers, request.query_params
    if unknown := params.keys() - {"date", "limit", "p"}:
        raise HubError(400, f'The sandbox does not know the parameter "{min(unknown)}" of daily papers.')
    limit = page_limit(request, PAPERS_CAP, PAPERS_DEFAULT)
    page = params.get("p", "0")
    if not page.isdecimal() or len(page) > 9:
        raise HubError(400, '"p" must be a number.')
    day = params.get("date")
    if day is None:
        items = [item for known in sorted(papers, reverse=True) for item in papers[known]]
    else:
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        try:
            valid = datetime.date.fromisoformat(day).isoformat() == day
        except ValueError:
            valid = False
        if not valid or day > max([today, *papers]):
            raise HubError(400, f'"date" must be a day up to today, written YYYY-MM-DD, not {day!r:.40}.')
        items = papers.get(day, [])
    return Json(items[int(page) * limit :][:limit])


def recorded_requests(request: Request) -> Response:
    """GET /_sandbox/requests: [method, path with query] of every request so far but those to /_sandbox/."""
    return Json(list(request.app.state.requests))


def reset_requests(request: Request) -> Response:
    """POST /_sandbox/requests/reset: forgets the requests so far."""
    request.app.state.requests.clear()
    return Json({})


def _unknown_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = "Sorry, we can't find the page you are looking for." if error.status_code == 404 else error.detail
    return Json({"error": message}, error.status_code, error.headers)
