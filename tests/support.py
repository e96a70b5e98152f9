"""What tests of several layers share: where the recorded rows lie, and how processes make a thing but once."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

PROJECT = Path(__file__).resolve().parent.parent
# Seconds that anything may take before a test gives up on it. No test measures time, and a machine may be busy: this
# ends what hangs, nothing else.
PATIENCE = 1800


def recorded_dir() -> Path:
    """The folder of recorded real Hub rows; skips the calling test where it is absent."""
    folder = Path(os.environ.get("HUBSCAPE_RECORDED_DIR") or PROJECT.parent / "shared" / "real-hub")
    if not (folder / "models.jsonl.gz").is_file():
        pytest.skip(f"no recorded Hub rows at {folder}: set HUBSCAPE_RECORDED_DIR to run this test")
    return folder


def once(folder: Path, make: Callable[[Path], object]) -> Path:
    """The folder, filled by the first process that asks for it while the others wait."""
    with FileLock(f"{folder}.lock"):
        made = folder / ".made"
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            made.touch()
    return folder
