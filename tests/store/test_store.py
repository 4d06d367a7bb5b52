from __future__ import annotations

import sqlite3
import stat
import sys

import pytest

from crosslabel.errors import NotFoundError
from crosslabel.store import ConflictError, Origin, Store, StoreError
from store_files import write_volume

TASK = "abdomen"


@pytest.fixture
def elsewhere(tmp_path):
    """The URL of a database that does not lie in the studies folder."""
    return f"sqlite:///{tmp_path / 'elsewhere.sqlite'}"


def test_a_store_that_is_closed_and_opened_again_knows_what_it_knew(studies, label_file, elsewhere):
    with Store(studies, elsewhere) as store:
        store.scan()
        saved = store.labels.save_file(TASK, "mr_1", label_file(), Origin("anna"))
    with Store(studies, elsewhere) as store:
        assert store.labels.current(TASK, "mr_1") == saved
        assert len(store.images.list()) == 4
        assert store.scan().changed == 0


def test_a_database_of_another_folder_is_refused_until_it_is_said_to_be_the_same(studies, tmp_path, elsewhere):
    other = write_volume(tmp_path / "other" / "mr_1.nii.gz").parent
    Store(studies, elsewhere).close()
    with pytest.raises(ConflictError, match="belongs to another studies folder") as raised:
        Store(other, elsewhere)
    identity = (studies / ".crosslabel" / "identity").read_text()
    assert identity in str(raised.value)
    (other / ".crosslabel" / "identity").write_text(f"{identity}\n")
    Store(other, elsewhere).close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_the_hidden_folder_is_for_its_owner_only(studies):
    Store(studies).close()
    assert stat.S_IMODE((studies / ".crosslabel").stat().st_mode) == 0o700


@pytest.mark.parametrize("url", ["nonsense", "oracle://x", "postgresql+nodriver://localhost/x", "mongodb://x"])
def test_a_url_that_names_no_usable_database_is_refused(studies, url):
    with pytest.raises(StoreError, match="URL cannot be used; give sqlite"):
        Store(studies, url)


def test_a_damaged_database_is_named_as_such(studies):
    Store(studies).close()
    for rest in (studies / ".crosslabel").glob("store.sqlite*"):
        rest.write_bytes(b"this is no database" * 1000)
    with pytest.raises(StoreError, match="damaged; restore it from a backup"):
        Store(studies)


def test_a_database_of_a_newer_version_is_left_alone(studies):
    Store(studies).close()
    file = studies / ".crosslabel" / "store.sqlite"
    with sqlite3.connect(file) as database:
        database.execute("UPDATE about SET schema_version = 999")
    with pytest.raises(StoreError, match="newer CrossLabel"):
        Store(studies)
    with sqlite3.connect(file) as database:
        assert database.execute("SELECT schema_version FROM about").fetchone() == (999,)


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(NotFoundError, match="does not exist; make it"):
        Store(tmp_path / "nowhere")
