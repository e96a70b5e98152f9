"""The lake's own failure, and how the disk's become it. Not: the files themselves, which `ground.files` keeps."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from orchestration.ground.errors import HubscapeError
from orchestration.ground.files import lock


class LakeError(HubscapeError):
    """The lake cannot be read or written."""


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


def locked(path: Path) -> IO[bytes]:
    """The lock file `path`, held until it is closed.

    Raises:
        LakeError: somebody else holds it, or the disk fails.
    """
    with disk_errors("take the lock", path.parent):
        return lock(path, LakeError(f"Another run is writing in {path.parent}: wait until it ends and run again."))
