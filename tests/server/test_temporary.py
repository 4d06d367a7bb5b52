"""The server's own temporary folder."""

import os
import stat
import sys
import tempfile
from pathlib import Path

import pytest

from crosslabel.server.temporary import own_temporary_folder

NO_SUCH_PROCESS = 2**22 + 1


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_what_is_written_for_a_moment_lies_in_one_folder_that_goes_with_the_server(place):
    with own_temporary_folder() as folder:
        with tempfile.NamedTemporaryFile(delete=False) as file:
            assert Path(file.name).parent == folder
        if sys.platform != "win32":
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(place.iterdir()) == []
    assert tempfile.gettempdir() == str(place)


def test_folders_of_killed_servers_are_removed_and_others_kept(place):
    killed, ours, running, foreign = (
        place / f"crosslabel-server-{name}"
        for name in (f"{NO_SUCH_PROCESS}-abc", f"{os.getpid()}-abc", f"{os.getppid()}-abc", "notes")
    )
    for folder in (killed, ours, running, foreign):
        folder.mkdir()
        (folder / "upload").write_bytes(b"half an upload")
    with own_temporary_folder():
        assert not killed.exists()
        assert not ours.exists(), "in a container a server has the number of the one before it"
        assert running.exists()
        assert foreign.exists()
