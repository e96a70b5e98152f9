"""Scratch folders go with their block, or after a kill when the next is made; a living process keeps its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.scratch import scratch_folder

HOLD = """
import pathlib, sys
from orchestration.scratch import scratch_folder
with scratch_folder(pathlib.Path(sys.argv[1]), "held-") as folder:
    (folder / "spilled").mkdir()
    (folder / "spilled" / "rows").write_text("x")
    print(folder, flush=True)
    sys.stdin.read()
"""


def holder(data_dir: Path) -> tuple[subprocess.Popen[str], Path]:
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(data_dir)], stdin=pipe, stdout=pipe, text=True)
    return process, Path(process.stdout.readline().strip())


def test_what_a_killed_process_left_goes_and_what_a_living_one_holds_stays(tmp_path):
    (killed, left), (living, held) = holder(tmp_path), holder(tmp_path)
    with killed, living:
        assert left.is_dir() and held.is_dir(), "the second did not take the first for dead"
        killed.kill()
        killed.wait()
        assert (left / "spilled" / "rows").is_file()
        with scratch_folder(tmp_path, "query-") as folder:
            assert set((tmp_path / "tmp").iterdir()) == {held, folder}
            assert (held / "spilled" / "rows").is_file() and not list(folder.iterdir())
        living.stdin.close()
        assert living.wait() == 0
    assert not list((tmp_path / "tmp").iterdir())


def test_a_folder_goes_with_a_block_that_fails_and_a_file_beside_it_stays(tmp_path):
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp" / "note").write_text("somebody's")
    with pytest.raises(ValueError, match="stop"), scratch_folder(tmp_path, "query-") as folder:
        (folder / "answer").write_text("x")
        raise ValueError("stop")
    assert [path.name for path in (tmp_path / "tmp").iterdir()] == ["note"]
