"""A Hub that answers its lists from pages on disk, as fast as one process can.

Run it with `python -m benchmarks.pages_server FOLDER`: it says on standard output where it listens and ends with its
standard input. Belongs here: HTTP, links and the headers of the rate limit. Not: what the pages hold (forms). Pages are
sent as they lie there, compressed, or unpacked to a client that does not take gzip.
"""

import gzip
import re
import socket
import sys
import threading
from functools import lru_cache
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

_QUOTA = 10_000_000


def main() -> None:
    """Serves the folder of lists, one sub-folder a list, until standard input ends."""
    folder = Path(sys.argv[1])
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    host, port = listener.getsockname()[:2]
    sys.stdout.write(f"http://{host}:{port}\n")
    sys.stdout.flush()
    lists = {path.name: sorted(path.glob("page-*.json.gz")) for path in folder.iterdir() if path.is_dir()}
    origin = f"http://{host}:{port}"
    threading.Thread(target=_accept, args=(listener, lists, origin), daemon=True).start()
    sys.stdin.read()


def _accept(listener: socket.socket, lists: dict[str, list[Path]], origin: str) -> None:
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_serve, args=(connection, lists, origin), daemon=True).start()


def _serve(connection: socket.socket, lists: dict[str, list[Path]], origin: str) -> None:
    with connection, connection.makefile("rb") as requests:
        while line := requests.readline():
            place = line.split(b" ")[1].decode("ascii", "replace")
            takes_gzip = False
            while (header := requests.readline().strip().lower()) != b"":
                takes_gzip |= header.startswith(b"accept-encoding:") and b"gzip" in header
            try:
                connection.sendall(_answer(place, takes_gzip, lists, origin))
            except OSError:  # the client has gone
                return


def _answer(place: str, takes_gzip: bool, lists: dict[str, list[Path]], origin: str) -> bytes:
    url = urlsplit(place)
    pages = lists.get(url.path.removeprefix("/api/"))
    query = parse_qs(url.query)
    number = int(query.get("cursor", ["0"])[0])
    if pages is None or number >= max(1, len(pages)):
        return b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}"
    body = _page(pages[number]) if pages else gzip.compress(b"[]")
    headers = [
        "HTTP/1.1 200 OK",
        "content-type: application/json; charset=utf-8",
        f'ratelimit: "api";r={_QUOTA - number};t=300',
        f'ratelimit-policy: "fixed window";"api";q={_QUOTA};w=300',
    ]
    if takes_gzip:
        headers.append("content-encoding: gzip")
    else:
        body = gzip.decompress(body)
    if number + 1 < len(pages):
        rest = re.sub(r"&?cursor=[0-9]*", "", url.query)
        headers.append(f'link: <{origin}{url.path}?{rest}&cursor={number + 1}>; rel="next"')
    headers.append(f"content-length: {len(body)}")
    return "\r\n".join(headers).encode() + b"\r\n\r\n" + body


@lru_cache(maxsize=8)
def _page(path: Path) -> bytes:
    return path.read_bytes()


if __name__ == "__main__":
    main()
