"""What is left when a process is killed, and when the disk is full."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import event

from crosslabel import files as durable
from crosslabel.store import DiskFullError, Origin, Store
from store_files import write_volume

ROOT = Path(__file__).resolve().parents[2]
TASK = "abdomen"
ANNA = Origin("anna")
only_sqlite = pytest.mark.skipif("CROSSLABEL_TEST_DATABASE" in os.environ, reason="fills an SQLite database")


def files(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def in_child(action):
    child = multiprocessing.get_context("fork").Process(target=action)
    child.start()
    child.join(60)
    return child.exitcode


@pytest.fixture
def saved(store, label_file):
    return store.labels.save_file(TASK, "mr_1", label_file(1), ANNA)


@pytest.mark.parametrize("moment", ["while it copies", "before the rename", "between rename and commit", "after the commit"])
def test_a_killed_save_is_there_whole_or_not_at_all(store, studies, saved, database_url, label_file, moment):
    drawn = label_file(2)

    def save_and_die():
        with Store(studies, database_url) as mine:
            if moment == "while it copies":
                sync, whole = os.fsync, drawn.stat().st_size
                os.fsync = lambda handle: die() if os.fstat(handle).st_size == whole else sync(handle)
            elif moment == "before the rename":
                Path.replace = die
            elif moment == "between rename and commit":
                event.listen(
                    mine.database.writer, "commit", lambda connection: die() if len(files(studies / "labels")) == 2 else None
                )
            mine.labels.save_file(TASK, "mr_1", drawn, ANNA)
            die()

    assert in_child(save_and_die) == -signal.SIGKILL
    with Store(studies, database_url) as reopened:
        history = reopened.labels.history(TASK, "mr_1")
        assert [label.version for label in history] == ([1, 2] if moment == "after the commit" else [1])
        assert files(studies / "labels") == [label.path.name for label in history]
        assert files(studies / ".crosslabel" / "staging") == ["lock"]  # of the store that the fixture holds open
        again = reopened.labels.save_file(TASK, "mr_1", label_file(3), ANNA)
        assert again.path.read_bytes() == label_file(3).read_bytes()


def test_a_start_leaves_the_files_of_running_processes_alone(store, studies, saved, database_url, label_file):
    arrived, go_on = (multiprocessing.get_context("fork").Event() for _ in range(2))

    def save_slowly():
        with Store(studies, database_url) as mine:
            sync = os.fsync

            def wait(handle):
                arrived.set()
                go_on.wait(30)
                sync(handle)

            mine.labels.save_file(TASK, "mr_3", label_file(2), ANNA)
            os.fsync = wait
            mine.labels.save_file(TASK, "mr_2", label_file(2), ANNA)

    child = multiprocessing.get_context("fork").Process(target=save_slowly)
    child.start()
    assert arrived.wait(30)
    Store(studies, database_url).close()
    go_on.set()
    child.join(60)
    assert child.exitcode == 0
    assert store.labels.current(TASK, "mr_2").path.read_bytes() == label_file(2).read_bytes()


def test_random_kills_lose_no_acknowledged_write(tmp_path, monkeypatch):
    """A small one of ``python -m benchmarks run kill_store``."""
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks.killing import kill_writers

    counts = kill_writers(tmp_path / "killed", kills=10, writers=1, seed=1)

    assert counts["kills"] == 10
    assert counts["acknowledged"] > 10
    lost = {name: counts[name] for name in ("lost", "failed_opens", "half_files", "strays")}
    assert lost == dict.fromkeys(lost, 0)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_label_that_the_disk_cannot_hold_is_refused_and_leaves_nothing(store, studies, saved, label_file, monkeypatch, code):
    source = label_file(2)

    def full(*_):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(durable.os, "fsync", full)
        with pytest.raises(DiskFullError, match="disk is full, so nothing was saved") as raised:
            store.labels.save_file(TASK, "mr_1", source, ANNA)
    assert raised.value.status == 507
    assert store.labels.history(TASK, "mr_1") == [saved]
    assert files(studies / "labels") == [saved.path.name]
    assert store.labels.save_file(TASK, "mr_1", source, ANNA).version == 2


@only_sqlite
def test_a_database_that_the_disk_cannot_hold_takes_the_label_file_back(store, studies, saved, label_file):
    with store.database.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    limit = f"PRAGMA max_page_count={pages}"
    event.listen(store.database.writer, "begin", lambda connection: connection.exec_driver_sql(limit))
    with pytest.raises(DiskFullError, match="disk is full"):
        store.labels.save_file(TASK, "mr_1", label_file(2), Origin("anna", comment="x" * 200_000))
    assert files(studies / "labels") == [saved.path.name]
    assert store.labels.current(TASK, "mr_1") == saved


@pytest.mark.skipif(sys.platform != "linux", reason="a full disk is made with Linux's tmpfs")
def test_a_disk_that_fills_up_for_real_loses_nothing(tmp_path, label_file):
    disk = tmp_path / "disk"
    disk.mkdir()
    arguments = [sys.executable, __file__, str(disk), str(label_file())]
    mount = f"mount -t tmpfs -o size=2m none '{disk}' || exit 77; exec \"$@\""
    paths = os.pathsep.join((str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")))
    answer = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", mount, "sh", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    if answer.returncode in (1, 77) and ("unshare" in answer.stderr or "mount" in answer.stderr):
        pytest.skip(f"this machine allows no small disk of one's own: {answer.stderr.strip()}")
    assert answer.returncode == 0, answer.stderr
    counts = json.loads(answer.stdout)
    assert counts["refused"] == "DiskFullError"
    assert counts["saved"] > 3
    assert counts["shown"] == counts["whole"] == counts["files"] == counts["saved"]


def fill(disk, label):
    """Save until the disk is full; run on a disk of 2 MB of its own."""
    write_volume(disk / "mr_1.nii.gz")
    large = Path(label).parent / "large.nii.gz"
    large.write_bytes(os.urandom(100_000))
    saved, refused = 0, None
    with Store(disk) as store:
        store.scan()
        while refused is None:
            try:
                store.labels.save_file(TASK, "mr_1", large, ANNA)
                saved += 1
            except DiskFullError as error:
                refused = type(error).__name__
    large_again = large.read_bytes()
    with Store(disk) as store:
        history = store.labels.history(TASK, "mr_1")
    whole = sum(label.path.read_bytes() == large_again for label in history)
    counts = {"saved": saved, "refused": refused, "shown": len(history), "whole": whole}
    print(json.dumps({**counts, "files": len(files(disk / "labels"))}))


if __name__ == "__main__":
    fill(Path(sys.argv[1]), sys.argv[2])
