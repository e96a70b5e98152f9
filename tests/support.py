"""What tests of several layers share: where the recorded rows of the real Hub lie."""

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent


def recorded_dir() -> Path:
    """The folder of recorded real Hub rows; skips the calling test where it is absent."""
    folder = Path(os.environ.get("HUBSCAPE_RECORDED_DIR") or PROJECT.parent / "shared" / "real-hub")
    if not (folder / "models.jsonl.gz").is_file():
        pytest.skip(f"no recorded Hub rows at {folder}: set HUBSCAPE_RECORDED_DIR to run this test")
    return folder
