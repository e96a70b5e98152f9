"""A sandbox Hub for tests: served over real HTTP from a thread of the test's own process."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import huggingface_hub
import uvicorn
from huggingface_hub import HfApi
from starlette.applications import Starlette
from starlette.types import ASGIApp

from orchestration.sandbox.catalogue import Catalogue
from orchestration.sandbox.server import create_app

TOKEN = "hf_sandbox"


@dataclass
class RunningSandbox:
    """A server that answers at `url`."""

    url: str
    app: Starlette

    @property
    def requests(self) -> list[tuple[str, str]]:
        """(method, path with query) of the requests so far."""
        return list(self.app.state.requests)

    def api(self, token: str | bool = TOKEN) -> HfApi:
        """The official client for this server; `False` is anonymous."""
        # Read from the environment when the client is first imported, which may have been long before this test.
        huggingface_hub.constants.HF_HUB_DISABLE_XET = True
        huggingface_hub.utils.disable_progress_bars()
        return HfApi(endpoint=self.url, token=token)

    def put_in_front(self, make: Callable[[ASGIApp], ASGIApp]) -> None:
        """Has requests pass through what `make` makes of the application, for a Hub that misbehaves."""
        # The server builds its stack when it is first asked, which may not have happened yet.
        self.app.middleware_stack = make(self.app.middleware_stack or self.app.build_middleware_stack())


@contextlib.contextmanager
def running_sandbox(catalogue: Catalogue, store_dir: Path, **options: Any) -> Iterator[RunningSandbox]:
    """Serves until the block ends; `options` are those of `create_app`."""
    app = create_app(catalogue, store_dir, **options)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=2))
    with socket.socket() as listener:
        # Bound and listening here: a client that comes before the server is up waits instead of failing.
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield RunningSandbox(f"http://127.0.0.1:{listener.getsockname()[1]}", app)
        finally:
            server.should_exit = True
            thread.join(timeout=20)
            app.state.store.close()


def small_catalogue(*, models: int = 0, label: str = "synthetic; seed=0; scale=0.0; date=2026-01-02") -> Catalogue:
    """A catalogue of `models` simple rows, one organization and one day of papers; several rows share each date."""
    rows = [
        {
            "_id": f"{number:024x}",
            "id": f"owner-{number % 7}/model-{number}",
            "modelId": f"owner-{number % 7}/model-{number}",
            "author": f"owner-{number % 7}",
            "createdAt": f"2025-{1 + number % 12:02}-{1 + number % 28:02}T00:00:00.000Z",
            "lastModified": f"2026-{1 + number % 12:02}-{1 + number % 28:02}T00:00:00.000Z",
            "downloads": number * 7919 % 1000,
            "likes": number % 10,
            "trendingScore": number % 3,
            "private": False,
            "tags": ["text-generation", "even" if number % 2 == 0 else "odd"],
            "sha": f"{number:040x}",
            "usedStorage": number,
        }
        for number in range(models)
    ]
    overview = {"_id": "a" * 24, "name": "Qwen", "fullname": "Qwen", "isVerified": True, "numModels": 3}
    paper = {"paper": {"id": "2601.00001", "title": "A", "upvotes": 3, "authors": [{"name": "B"}]}, "title": "A"}
    return Catalogue(
        label=label,
        synthetic=label.startswith("synthetic"),
        models=rows,
        datasets=[],
        spaces=[],
        organizations={"qwen": overview},
        organizations_synthetic=True,
        papers={"2026-01-02": [paper]},
        renames={},
    )
