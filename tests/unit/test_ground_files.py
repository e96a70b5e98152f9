"""Files that are there whole or not at all, locks that go with their process, scratch folders that go with their block.

A scratch folder that a killed process left goes when the next is made; a living process keeps its own.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.ground.errors import HubscapeError
from orchestration.ground.files import filled_durably, is_locked, lock, scratch_folder, write_durably, writing

HOLD = """
import pathlib, sys
from orchestration.ground.files import scratch_folder
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


@pytest.mark.parametrize("step", [1, 2])
def test_a_file_holds_what_it_held_before_until_all_of_the_new_is_there(tmp_path, monkeypatch, step):
    path, synced = tmp_path / "manifest.json", []
    write_durably(path, "before")

    def fsync(descriptor):
        synced.append(descriptor)
        if len(synced) == step:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="No space"):
        write_durably(path, b"afterwards")
    # The bytes are made durable before the name is given, and the name after it.
    assert path.read_text() == {1: "before", 2: "afterwards"}[step]
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_fails_fills_nothing(tmp_path):
    with pytest.raises(ValueError, match="stop"), filled_durably(tmp_path / "answer.csv") as part:
        part.write_text("half")
        raise ValueError("stop")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fails_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    path, said = tmp_path / "file" / "answer", r"^.*/file/answer cannot be written \(Not a directory\): use another\.$"
    with pytest.raises(HubscapeError, match=said), writing(path, "use another"):
        write_durably(path, "")


def test_a_lock_is_told_of_and_goes_with_its_process(tmp_path):
    path = tmp_path / "made" / "run.lock"
    assert not is_locked(path)
    code = (
        "import pathlib, sys; from orchestration.ground.files import lock\n"
        "file = lock(pathlib.Path(sys.argv[1]), ValueError()); print('held', flush=True); sys.stdin.read()"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdin=pipe, stdout=pipe, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(HubscapeError, match="busy"):
            lock(path, HubscapeError("busy"))
        assert is_locked(path)
        holder.kill()
        holder.wait()
        with lock(path, HubscapeError("busy")):
            assert is_locked(path)
        assert not is_locked(path)
