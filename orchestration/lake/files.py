"""Durable file operations. Belongs here: what survives a kill or a full disk. Not: what the files hold."""

import errno
import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class LakeError(RuntimeError):
    """The lake cannot be read or written. The message is one sentence for people: what, where, what to do."""


@contextmanager
def disk_errors(action: str, where: Path) -> Iterator[None]:
    """Turns a failure of the disk inside the block into a `LakeError` that says what could not be done, and where."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "the disk failed"
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        advice = "free some space" if is_full else "check the folder and its permissions"
        raise LakeError(f"Could not {action} in {where} ({reason}): {advice} and run again.") from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the lock file `path` for the block; the kernel lets go of it when the process dies, however it dies.

    Raises:
        LakeError: somebody else holds it, or the disk fails.
    """
    with disk_errors("take the lock", path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LakeError(f"Another run is writing in {path.parent}: wait until it ends and run again.") from None
        yield


def write_durably(path: Path, content: bytes) -> None:
    """Writes `path` so that after a kill or power cut it holds all of `content`, or what it held before."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Makes the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
