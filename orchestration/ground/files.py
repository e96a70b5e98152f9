"""Files that outlive a kill or a power cut, locks that do not, and folders that go with their block."""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from orchestration.ground.errors import HubscapeError


def write_durably(path: Path, content: str | bytes) -> None:
    """Writes `path` so that after a kill or power cut it holds all of `content`, or what it held before."""
    with filled_durably(path) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def filled_durably(path: Path) -> Iterator[Path]:
    """A path beside `path` for the block to fill; once it is whole it takes that one's place. Nothing else is left."""
    part = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield part
        put_in_place(part, path)
    finally:
        part.unlink(missing_ok=True)


def put_in_place(made: Path, path: Path) -> None:
    """Gives a finished file or folder its final name; the disk holds it before and afterwards."""
    fsync(made)
    made.replace(path)
    fsync(path.parent)


def fsync(path: Path) -> None:
    """Has the disk hold a file's bytes, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def writing(path: Path, advice: str = "") -> Iterator[None]:
    """Turns a failure of the disk inside the block into a sentence that `path` cannot be written."""
    try:
        yield
    except OSError as error:
        raise HubscapeError(f"{path} cannot be written ({error.strerror}){advice and f': {advice}'}.") from None


def lock(path: Path, busy: Exception) -> IO[bytes]:
    """The lock file `path`, made if need be, locked until it is closed; the kernel unlocks it however the process ends.

    Raises:
        busy: somebody else holds it. OSError: it cannot be opened.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise busy from None
    return file


def is_locked(path: Path) -> bool:
    """Whether another process holds a lock on a file, which need not be there; nothing is made or changed."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        try:
            for take in (fcntl.flock, fcntl.lockf):  # ours, and DuckDB's, which know nothing of each other
                take(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


@contextmanager
def scratch_folder(data_dir: Path, prefix: str) -> Iterator[Path]:
    """An empty folder in `data_dir/tmp` for as long as the block lasts; what killed processes left there goes first.

    Each folder is locked by the process that made it, and the kernel lets go of a lock however its process ends.
    """
    tmp = data_dir / "tmp"
    tmp.mkdir(parents=True, exist_ok=True)
    with _opened(tmp) as everybody:
        fcntl.flock(everybody, fcntl.LOCK_EX)  # nobody sweeps a folder between its making and its lock
        for left in tmp.iterdir():
            # It is gone by now, is no folder, is another user's, or its process is alive.
            with (
                suppress(FileNotFoundError, NotADirectoryError, PermissionError, BlockingIOError),
                _opened(left) as other,
            ):
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left)
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=tmp))
        own = os.open(folder, os.O_RDONLY)
        fcntl.flock(own, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
        os.close(own)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
