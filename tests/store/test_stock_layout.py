"""Labels of MONAI Label's own layout, read and written; MONAI Label itself is the judge of what is written."""

from __future__ import annotations

import json
import shutil

import pytest
from monailabel.datastore.local import LocalDatastore
from PIL import Image as Picture

from crosslabel.store import Origin, Store
from crosslabel.store.stock_export import export_stock_layout
from crosslabel.store.stock_import import import_stock_layout
from server_process import write_series
from store_files import write_volume
from tiny import classification_task, segmentation_task

TASKS = {task.name: task for task in (segmentation_task(), classification_task())}
SEGMENTATION, CLASSIFICATION = TASKS
SUFFIXES = ("*.nii.gz", "*.nii", "*.json", "*.png")


@pytest.fixture
def label(studies, tmp_path):
    def label(image_id, value=2, tag="final", shape=(6, 5, 4)):
        return write_volume(studies / "labels" / tag / f"{image_id}.nii.gz", value, shape)

    return label


def stock(studies):
    return LocalDatastore(str(studies), extensions=SUFFIXES)


def test_labels_that_monai_label_saved_are_imported_with_what_it_knew_of_them(store, studies, tmp_path):
    drawn = write_volume(tmp_path / "drawn.nii.gz", 2)
    theirs = stock(studies)
    theirs.save_label("mr_1", str(drawn), "final", {"client_id": "ward 3"})
    theirs.save_label("mr_2", str(drawn), "original", {"model": SEGMENTATION})

    report = import_stock_layout(store, TASKS)

    assert report.imported == ["labels/final/mr_1.nii.gz", "labels/original/mr_2.nii.gz"]
    final = store.labels.current(SEGMENTATION, "mr_1")
    assert (final.path.read_bytes(), final.params["client_id"]) == (drawn.read_bytes(), "ward 3")
    assert store.labels.current(SEGMENTATION, "mr_2") is None
    assert store.labels.current(SEGMENTATION, "mr_2", "original").params["model"] == SEGMENTATION


def test_a_second_import_finds_nothing_new_and_a_changed_file_becomes_a_version(store, label):
    label("mr_1", 2)
    import_stock_layout(store, TASKS)
    again = import_stock_layout(store, TASKS)
    assert (again.imported, again.known) == ([], 1)
    label("mr_1", 7)
    assert import_stock_layout(store, TASKS).imported == ["labels/final/mr_1.nii.gz"]
    assert [version.version for version in store.labels.history(SEGMENTATION, "mr_1")] == [1, 2]


def test_an_index_that_monai_label_left_broken_costs_no_label(store, studies, label):
    label("mr_1")
    (studies / "datastore_v2.json").write_text('{"name": "new-dataset", "obj')
    assert import_stock_layout(store, TASKS).imported == ["labels/final/mr_1.nii.gz"]


def test_classes_are_imported_as_records(studies, database_url):
    Picture.new("L", (36, 40)).save(studies / "chest_xr.png")
    with Store(studies, database_url) as store:
        store.scan()
        folder = studies / "labels" / "final"
        folder.mkdir(parents=True)
        (folder / "chest_xr.json").write_text('{"class": "bright"}')
        (folder / "mr_1.json").write_text('{"class": "bright"}')
        (folder / "mr_2.json").write_text("[]")
        report = import_stock_layout(store, TASKS)
        assert report.imported == ["labels/final/chest_xr.json"]
        assert store.labels.current(CLASSIFICATION, "chest_xr").class_name == "bright"
        assert "Nothing says which task" in report.left["labels/final/mr_1.json"]
        assert '{"class": "NAME"}' in report.left["labels/final/mr_2.json"]


def reasons(report):
    return {path.split("/")[-1]: reason.split(";")[0] for path, reason in report.left.items()}


def test_what_cannot_be_imported_stays_with_its_reason(store, label):
    label("nowhere")
    label("mr_0", shape=(9, 9, 9))
    label("mr_1").write_bytes(b"")
    report = import_stock_layout(store, TASKS)
    assert report.imported == []
    assert reasons(report) == {
        "nowhere.nii.gz": "There is no image 'nowhere' among the studies",
        "mr_0.nii.gz": "The label has (9, 9, 9) voxels and its image (6, 5, 4)",
        "mr_1.nii.gz": "'mr_1.nii.gz' is empty: export or upload it again.",
    }


def test_a_label_that_two_tasks_could_own_waits_until_its_entry_names_one(store, studies, label):
    label("mr_1")
    tasks = {**TASKS, "other": segmentation_task(name="other")}
    assert reasons(import_stock_layout(store, tasks)) == {"mr_1.nii.gz": "Nothing says which task the label is for"}
    theirs = stock(studies)
    theirs.update_label_info("mr_1", "final", {"task": "other"})
    assert import_stock_layout(store, tasks).imported == ["labels/final/mr_1.nii.gz"]
    assert store.labels.current("other", "mr_1").version == 1


def test_monai_label_reads_what_is_exported(store, studies, tmp_path):
    write_series(studies / "series", "MR", 3)
    write_volume(studies / "site" / "mr_9.nii.gz")
    write_volume(studies / "mr_0.nii")
    store.scan()
    drawn = write_volume(tmp_path / "drawn.nii.gz", 2)
    for image_id in ("mr_1", "site/mr_9", "series"):
        store.labels.save_file(SEGMENTATION, image_id, drawn, Origin("anna", params={"seconds": 4}))

    assert export_stock_layout(store, SEGMENTATION) == 3

    theirs = stock(studies)
    assert {"mr_0", "mr_1", "mr_0.nii", "site/mr_9", "series"} <= set(theirs.list_images())
    assert sorted(theirs.get_labeled_images()) == ["mr_1", "series", "site/mr_9"]
    for image_id in ("mr_1", "site/mr_9", "series"):
        assert theirs.get_label(image_id, "final").read() == drawn.read_bytes()
        assert theirs.get_label_info(image_id, "final")["author"] == "anna"
    assert theirs.get_label_info("mr_1", "final")["seconds"] == 4
    assert theirs.get_image("site/mr_9").read() == (studies / "site" / "mr_9.nii.gz").read_bytes()


def test_a_class_is_exported_as_the_file_that_its_name_makes(store, studies):
    store.labels.save_class(CLASSIFICATION, "mr_1", "dark", Origin("anna"))
    export_stock_layout(store, CLASSIFICATION)
    assert json.loads(stock(studies).get_label("mr_1", "final").read()) == {"class": "dark"}
    assert import_stock_layout(store, TASKS).imported == []


def test_an_export_of_another_task_or_of_withdrawn_labels_takes_the_old_files_away(store, studies, label_file):
    store.labels.save_file(SEGMENTATION, "mr_1", label_file(2), Origin("anna"))
    store.labels.save_file(SEGMENTATION, "mr_2", label_file(2), Origin("anna"))
    export_stock_layout(store, SEGMENTATION)
    store.reviews.withdraw(SEGMENTATION, "mr_2", reviewer="anna")
    export_stock_layout(store, SEGMENTATION)
    assert stock(studies).get_labeled_images() == ["mr_1"]
    export_stock_layout(store, "other")
    assert stock(studies).get_labeled_images() == []
    assert store.labels.current(SEGMENTATION, "mr_1").path.exists()


def test_an_export_of_all_tasks_holds_the_newest_label_of_each_image_and_takes_no_task_s_away(store, studies, label_file):
    store.labels.save_file(SEGMENTATION, "mr_1", label_file(2), Origin("anna"))
    store.labels.save_file(SEGMENTATION, "mr_2", label_file(2), Origin("anna"))
    newer = store.labels.save_file("other", "mr_2", label_file(7), Origin("anna"))
    assert export_stock_layout(store) == 2
    assert stock(studies).get_labeled_images() == ["mr_1", "mr_2"]
    assert stock(studies).get_label("mr_2", "final").read() == newer.path.read_bytes()


def test_an_export_is_imported_as_nothing_new(store, label_file):
    store.labels.save_file(SEGMENTATION, "mr_1", label_file(2), Origin("anna"))
    store.labels.save_file("other", "mr_1", label_file(7), Origin("anna"))
    for task in (SEGMENTATION, "other"):
        export_stock_layout(store, task)
        assert import_stock_layout(store, {**TASKS, "other": segmentation_task(name="other")}).known == 1


def test_an_export_never_overwrites_a_label_that_the_store_does_not_hold(store, studies, label, label_file):
    store.labels.save_file(SEGMENTATION, "mr_1", label_file(2), Origin("anna"))
    theirs = label("mr_1", 7).read_bytes()
    assert export_stock_layout(store, SEGMENTATION) == 0
    assert (studies / "labels" / "final" / "mr_1.nii.gz").read_bytes() == theirs


def test_another_tool_that_overwrites_an_exported_file_changes_no_version(store, studies, label_file):
    saved = store.labels.save_file(SEGMENTATION, "mr_1", label_file(2), Origin("anna"))
    export_stock_layout(store, SEGMENTATION)
    shutil.copyfile(label_file(7), studies / "labels" / "final" / "mr_1.nii.gz")
    assert saved.path.read_bytes() == label_file(2).read_bytes()
