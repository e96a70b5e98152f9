"""A server on loopback that answers as a test tells it to: wrongly, slowly, without end or not at all."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Ask:
    """One request as it arrived: its number (from 0), path with query, and headers (names in lower case)."""

    number: int
    path: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Reply:
    """What goes back: `body` is bytes, or a value to send as JSON; `drip` sends head and body byte by byte."""

    body: Any = field(default_factory=list)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    declared_length: int | None = None
    drip: bool = False


class HostileHub:
    """A running server: its `url`, the requests it got (`asks`), and `closing`, set when the test is over."""

    def __init__(self) -> None:
        self.url = ""
        self.asks: list[Ask] = []
        self.closing = threading.Event()
        self.lock = threading.Lock()


@contextmanager
def hostile_hub(answer: Callable[[Ask], Reply | None]) -> Iterator[HostileHub]:
    """Serves until the block ends; where `answer` returns None the request hangs."""
    hub = HostileHub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            with hub.lock:
                ask = Ask(len(hub.asks), self.path, {name.lower(): value for name, value in self.headers.items()})
                hub.asks.append(ask)
            reply = answer(ask)
            if reply is None:
                hub.closing.wait(20)
                return
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            head = {
                "Content-Type": reply.content_type,
                "Content-Length": str(len(body) if reply.declared_length is None else reply.declared_length),
                **reply.headers,
            }
            raw = f"HTTP/1.1 {reply.status} Something\r\n" + "".join(f"{n}: {v}\r\n" for n, v in head.items()) + "\r\n"
            with suppress(OSError):  # whoever asked may be gone
                if reply.drip:
                    self._drip(raw.encode() + body)
                else:
                    self.wfile.write(raw.encode() + body)
            self.close_connection = reply.drip or reply.declared_length is not None

        def _drip(self, raw: bytes) -> None:
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in raw:
                if hub.closing.wait(0.05):
                    return
                self.wfile.write(bytes([byte]))

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.closing.set()
        server.shutdown()
        server.server_close()


def next_link(url: str) -> dict[str, str]:
    """The header that names the next page."""
    return {"Link": f'<{url}>; rel="next"'}
