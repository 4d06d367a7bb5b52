from __future__ import annotations

import json
import sqlite3
import zipfile

import pytest

from crosslabel.errors import NotFoundError
from crosslabel.store import ConflictError, Origin, Store, StoreError
from crosslabel.store.backup import backup, check_backup, restore
from store_files import write_volume

TASK = "abdomen"
IMAGES = [f"mr_{number}" for number in range(3)]


@pytest.fixture
def studies(tmp_path):
    folder = tmp_path / "studies"
    for name in IMAGES:
        write_volume(folder / f"{name}.nii.gz")
    return folder


@pytest.fixture
def store(studies, clock, label_file):
    """On SQLite in any case: a PostgreSQL database is backed up by its own tools."""
    with Store(studies, clock=clock) as opened:
        opened.scan()
        opened.labels.save_file(TASK, "mr_0", label_file(1), Origin("anna"))
        opened.labels.save_file(TASK, "mr_0", label_file(2), Origin("ben"))
        opened.labels.save_class("tumour", "mr_1", "glioma", Origin("anna"))
        opened.scores.set(TASK, "entropy", {"mr_1": 0.5})
        opened.audit.write("anna", "save label", task=TASK, image_id="mr_0")
        yield opened


@pytest.fixture
def archive(store, tmp_path):
    backup(store, tmp_path / "backup.zip")
    return tmp_path / "backup.zip"


def rewritten(archive, path, change):
    """A copy of an archive with ``change`` applied to its members, a dictionary of bytes by name."""
    with zipfile.ZipFile(archive) as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return path


def test_a_restored_store_knows_all_that_was_backed_up_and_nothing_later(store, archive, tmp_path, label_file):
    expected = store.labels.history(TASK, "mr_0")
    store.labels.save_file(TASK, "mr_2", label_file(3), Origin("anna"))
    target = tmp_path / "restored"
    for name in IMAGES:
        write_volume(target / f"{name}.nii.gz")

    restore(archive, target)

    with Store(target) as restored:
        labels = restored.labels.history(TASK, "mr_0")
        assert [(one.sha256, one.author, one.created) for one in labels] == [
            (one.sha256, one.author, one.created) for one in expected
        ]
        assert [one.path.read_bytes() for one in labels] == [one.path.read_bytes() for one in expected]
        assert all(one.path.is_relative_to(target) for one in labels)
        assert restored.labels.current("tumour", "mr_1").class_name == "glioma"
        assert restored.labels.current(TASK, "mr_2") is None
        assert restored.scores.get(TASK, "entropy")["mr_1"].value == 0.5
        assert [entry["who"] for entry in restored.audit.entries()] == ["anna"]
        assert restored.scan().missing == 0


def test_a_restore_over_a_store_or_over_other_labels_is_refused(store, archive, tmp_path):
    with pytest.raises(ConflictError, match="has a store already"):
        restore(archive, store.folders.studies)
    target = tmp_path / "other"
    other = write_volume(target / "labels" / TASK / "mr_0" / "v1-final.nii.gz", 5)
    before = other.read_bytes()
    with pytest.raises(ConflictError, match="with other content"):
        restore(archive, target)
    assert other.read_bytes() == before
    assert [path.name for path in (target / ".crosslabel").iterdir()] == []


def flip(members):
    name = next(name for name in members if name.startswith("labels/"))
    members[name] = members[name][:-1] + bytes([members[name][-1] ^ 1])


def drop(members):
    del members[next(name for name in members if name.startswith("labels/"))]


def forget(members):
    """A manifest that does not name a label of the database."""
    manifest = json.loads(members["manifest.json"])
    del manifest["files"][next(name for name in manifest["files"] if name.startswith("labels/"))]
    members["manifest.json"] = json.dumps(manifest).encode()


@pytest.mark.parametrize("change", [flip, drop, forget])
def test_a_damaged_backup_is_found_out_before_anything_is_restored(archive, tmp_path, change):
    damaged = rewritten(archive, tmp_path / "damaged.zip", change)
    target = tmp_path / "target"
    target.mkdir()
    with pytest.raises(StoreError, match="damaged or incomplete"):
        check_backup(damaged)
    with pytest.raises(StoreError, match="damaged or incomplete"):
        restore(damaged, target)
    assert not (target / "labels").exists()


def test_a_truncated_file_is_no_backup(archive, tmp_path):
    cut = tmp_path / "cut.zip"
    cut.write_bytes(archive.read_bytes()[:-500])
    with pytest.raises(StoreError, match="damaged or incomplete"):
        check_backup(cut)
    with pytest.raises(NotFoundError, match="does not exist"):
        check_backup(tmp_path / "nowhere.zip")


@pytest.mark.parametrize("name", ["../evil", "labels/../../evil", "/etc/evil", "apps/main.py", "labels\\..\\evil"])
def test_an_archive_with_names_that_lead_astray_is_no_backup(archive, tmp_path, name):
    def add(members):
        manifest = json.loads(members["manifest.json"])
        manifest["files"][name] = "0" * 64
        members["manifest.json"], members[name] = json.dumps(manifest).encode(), b"evil"

    with pytest.raises(StoreError, match="no backup of CrossLabel"):
        restore(rewritten(archive, tmp_path / "evil.zip", add), tmp_path)


def test_a_backup_that_cannot_be_completed_leaves_the_last_one(store, archive):
    before = archive.read_bytes()
    store.labels.get(TASK, "mr_0", 1).path.unlink()
    with pytest.raises(StoreError, match="cannot be used"):
        backup(store, archive)
    assert archive.read_bytes() == before


def test_a_restore_is_not_changed_by_the_log_of_a_database_that_was_removed(store, archive, tmp_path):
    target = tmp_path / "target"
    (target / ".crosslabel").mkdir(parents=True)
    (target / ".crosslabel" / "store.sqlite-wal").write_bytes(b"rest of another database")
    restore(archive, target)
    with sqlite3.connect(target / ".crosslabel" / "store.sqlite") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_what_is_logged_while_a_backup_is_written_does_not_spoil_it(store, tmp_path, monkeypatch):
    write = zipfile.ZipFile.write

    def write_and_log(archive, path, name):
        store.audit.write("ben", "read image", image_id="mr_2")
        write(archive, path, name)

    monkeypatch.setattr(zipfile.ZipFile, "write", write_and_log)
    backup(store, tmp_path / "backup.zip")
    check_backup(tmp_path / "backup.zip")
