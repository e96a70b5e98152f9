"""Folders in the data folder's `tmp` for what nobody needs once a block has ended: answers, downloads, spilled rows."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


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
