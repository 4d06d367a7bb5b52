"""Unsaved work in files: whole at every moment, found after a crash, nobody else's."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from CrossLabelLib.autosave import Autosave, Work

WORK = Work("https://server", "blobs", "mr_1", checkpoint="blobs v3", comment="half way")
_LIBRARY = Path(__file__).parents[2] / "slicer_extension" / "CrossLabel"
_KEEPER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from CrossLabelLib.autosave import Autosave, Work
autosave = Autosave(Path(sys.argv[2]))
count = 0
while True:
    count += 1
    text = f"{count} " * 20000
    autosave.keep(Work("https://server", "blobs", f"case {count}"), lambda path: path.write_text(text))
    print(count, flush=True)
"""


def keep(autosave: Autosave, content: str = "segments") -> Work:
    return autosave.keep(WORK, lambda path: path.write_text(content))


def test_work_of_a_session_that_ended_without_sending_is_found_with_all_that_belongs_to_it(tmp_path):
    first = Autosave(tmp_path)
    keep(first, "old")
    keep(first, "new")
    first.close()
    (found,) = Autosave(tmp_path).lost()
    assert (found.server, found.task, found.case, found.checkpoint, found.comment) == (
        WORK.server,
        WORK.task,
        WORK.case,
        WORK.checkpoint,
        WORK.comment,
    )
    assert Path(found.file).read_text() == "new"


def test_only_the_newest_state_lies_on_disk(tmp_path):
    autosave = Autosave(tmp_path)
    for content in "abc":
        keep(autosave, content)
    assert [path.read_text() for path in tmp_path.rglob("*.seg.nrrd")] == ["c"]
    autosave.close()


def test_what_was_sent_is_forgotten_and_leaves_nothing(tmp_path):
    autosave = Autosave(tmp_path)
    keep(autosave)
    autosave.drop()
    autosave.close()
    assert list(tmp_path.iterdir()) == []


def test_work_of_a_session_that_still_runs_is_not_offered_to_another(tmp_path):
    running = Autosave(tmp_path)
    keep(running)
    assert Autosave(tmp_path).lost() == []
    running.close()
    assert len(Autosave(tmp_path).lost()) == 1


def test_a_state_that_cannot_be_written_leaves_the_one_before(tmp_path):
    autosave = Autosave(tmp_path)
    keep(autosave, "good")

    def breaks(path):
        path.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        autosave.keep(WORK, breaks)
    autosave.close()
    (found,) = Autosave(tmp_path).lost()
    assert Path(found.file).read_text() == "good"
    assert len(list(tmp_path.rglob("*.seg.nrrd"))) == 1


def test_lost_work_that_nobody_wants_is_removed_for_good(tmp_path):
    first = Autosave(tmp_path)
    keep(first)
    first.close()
    second = Autosave(tmp_path)
    second.forget(second.lost()[0])
    assert second.lost() == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"server": 1}', '{"unknown": "x"}', '{"file": "../../x.seg.nrrd"}'])
def test_a_damaged_description_is_passed_over(tmp_path, content):
    first = Autosave(tmp_path)
    keep(first)
    first.close()
    next(tmp_path.rglob("work.json")).write_text(content)
    assert Autosave(tmp_path).lost() == []


@pytest.mark.skipif(os.name == "nt", reason="folders have no such modes there")
def test_nobody_else_on_the_computer_may_look_at_it(tmp_path):
    autosave = Autosave(tmp_path)
    folder = Path(keep(autosave).file).parent
    assert folder.stat().st_mode & 0o077 == 0
    autosave.close()


@pytest.mark.parametrize("states", [1, 2, 7])
def test_a_process_killed_while_it_writes_leaves_a_whole_state(tmp_path, states):
    command = [sys.executable, "-c", _KEEPER, str(_LIBRARY), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        written = 0
        while written < states:
            written = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
        process.wait()
    (found,) = Autosave(tmp_path).lost()
    number = int(found.case.split()[1])
    assert number >= states
    assert Path(found.file).read_text() == f"{number} " * 20000
