"""What the server does in the background: scanning, importing, exporting."""

import json
import shutil

import pytest
import SimpleITK as sitk
from monailabel.datastore.local import LocalDatastore

from crosslabel.server.upkeep import Upkeep
from crosslabel.store import Origin, Store
from server_process import write_studies
from tiny import classification_task, segmentation_task
from waiting import until

TASKS = {task.name: task for task in (segmentation_task(), classification_task())}
SEGMENTATION, CLASSIFICATION = TASKS


@pytest.fixture
def folder(tmp_path):
    return write_studies(tmp_path / "studies")


@pytest.fixture
def started(folder):
    """Starts the upkeep of the folder; ended at the end."""
    running = []

    def start(**options):
        store = Store(folder)
        upkeep = Upkeep(store, TASKS, **{"follow": False, "export": True, **options})
        running.append((upkeep, store))
        upkeep.start(patience=30)
        return store, upkeep

    yield start
    for upkeep, store in running:
        upkeep.close()
        store.close()


def test_a_small_folder_is_complete_when_the_start_returns(started, folder):
    store, upkeep = started()
    assert "mr_0" in {image.id for image in store.images.list()}
    assert not upkeep.scanning
    done, total = upkeep.progress
    assert done == total == len(store.images.list(None))


def test_a_file_that_is_put_there_or_taken_away_is_noticed(started, folder, monkeypatch):
    monkeypatch.setattr("crosslabel.server.upkeep._SCAN_EVERY", 0.1)
    store, _ = started(follow=True)
    (folder / "later").mkdir()
    shutil.copy(folder / "mr_0.nii.gz", folder / "later" / "mr_9.nii.gz")
    (folder / "mr_1.nii.gz").unlink()

    def ready():
        return {image.id for image in store.images.list()}

    until(lambda: "later/mr_9" in ready() and "mr_1" not in ready())
    assert "mr_0" in ready()


def test_labels_of_all_tasks_are_exported_after_a_change_and_what_is_left_at_the_end(started, folder):
    store, upkeep = started()
    store.labels.save_class(CLASSIFICATION, "dark_0", "dark", Origin("anna"))
    upkeep.changed()
    exported = folder / "labels" / "final" / "dark_0.json"
    until(exported.exists)
    label = folder.parent / "label.nii.gz"
    sitk.WriteImage(sitk.Cast(sitk.ReadImage(str(folder / "mr_0.nii.gz")) * 0, sitk.sitkUInt8), str(label))
    store.labels.save_file(SEGMENTATION, "mr_0", label, Origin("anna"))
    upkeep.changed()
    upkeep.close()
    theirs = LocalDatastore(str(folder), auto_reload=False, read_only=True)
    assert sorted(theirs.get_labeled_images()) == ["dark_0", "mr_0"]
    assert json.loads(exported.read_text()) == {"class": "dark"}


def test_nothing_is_written_for_others_where_the_folder_is_only_to_be_read(started, folder):
    store, upkeep = started(export=False)
    store.labels.save_class(CLASSIFICATION, "dark_0", "dark", Origin("anna"))
    upkeep.changed()
    upkeep.close()
    assert not (folder / "datastore_v2.json").exists()


def test_a_label_that_nobody_can_assign_stays_where_it_is_and_is_named_in_the_log(started, folder, caplog):
    (folder / "labels" / "final").mkdir(parents=True)
    theirs = folder / "labels" / "final" / "mr_0.json"
    theirs.write_text('{"class": "purple"}')
    _, upkeep = started()
    upkeep.close()
    assert theirs.read_text() == '{"class": "purple"}'
    assert "labels/final/mr_0.json was not imported" in caplog.text


def test_an_odd_label_list_of_monai_label_does_not_end_the_upkeep(started, folder, monkeypatch):
    monkeypatch.setattr("crosslabel.server.upkeep._SCAN_EVERY", 0.1)
    odd = {"objects": {"mr_0": {"image": {"ext": ".nii.gz", "info": {}}, "labels": {"final": {"info": {"task": ["x"]}}}}}}
    (folder / "datastore_v2.json").write_text(json.dumps(odd))
    store, _ = started(follow=True)
    shutil.copy(folder / "mr_0.nii.gz", folder / "mr_later.nii.gz")
    until(lambda: "mr_later" in {image.id for image in store.images.list()})


def test_an_export_that_failed_is_tried_again(started, monkeypatch):
    tried = []

    def export(store):
        tried.append(store)
        if len(tried) == 1:
            raise OSError("the disk is gone")

    monkeypatch.setattr("crosslabel.server.upkeep.export_stock_layout", export)
    monkeypatch.setattr("crosslabel.server.upkeep._EXPORT_AFTER", 0.1)
    started()
    until(lambda: len(tried) > 1)
