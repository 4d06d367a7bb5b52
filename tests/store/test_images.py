from __future__ import annotations

import pytest

from crosslabel.errors import CrossLabelError, NotFoundError
from crosslabel.store import ConflictError, ImageState, LabelState, Origin
from server_process import write_series
from store_files import write_volume

TASK = "abdomen"


def test_an_image_that_is_added_is_there_at_once_and_a_scan_finds_nothing_new(store, studies, tmp_path):
    source = write_volume(tmp_path / "upload.nii.gz", 9)
    assert store.images.add("site/p5_mr", source) == "site/p5_mr"
    assert store.images.path("site/p5_mr") == studies / "site" / "p5_mr.nii.gz"
    assert store.images.path("site/p5_mr").read_bytes() == source.read_bytes()
    report = store.scan()
    assert (report.added, report.changed) == (0, 0)


def test_a_series_is_added_as_a_folder(store, tmp_path):
    source = write_series(tmp_path / "upload", "CT", slices=3)
    assert store.images.add("ct", source) == "ct"
    image = store.images.get("ct")
    assert (image.state, image.summary.shape) == (ImageState.READY, (24, 20, 3))
    assert len(list(image.path.iterdir())) == 3


def test_an_image_is_never_replaced_by_an_upload(store, studies, tmp_path):
    before = (studies / "mr_1.nii.gz").read_bytes()
    for source in (tmp_path / "upload.nii.gz", tmp_path / "upload.nii"):
        with pytest.raises(ConflictError, match="already an image 'mr_1'"):
            store.images.add("mr_1", write_volume(source, 9))
    assert (studies / "mr_1.nii.gz").read_bytes() == before
    assert len(store.images.list()) == 4


@pytest.mark.parametrize(
    "name",
    [
        "../escape",
        "/etc/escape",
        "a/../../escape",
        ".hidden",
        "a/.hidden",
        "labels/final/mr_1",
        "",
        "a\0b",
        "a\\..\\b",
        "..",
        ".",
    ],
)
def test_names_that_lead_astray_are_refused(store, tmp_path, name):
    source = write_volume(tmp_path / "upload.nii.gz")
    before = sorted(tmp_path.rglob("*.nii.gz"))
    with pytest.raises(CrossLabelError, match="cannot be the name of a study"):
        store.images.add(name, source)
    assert sorted(tmp_path.rglob("*.nii.gz")) == before


def test_a_removed_image_takes_its_labels_scores_and_leases_out_of_use(store, studies, tmp_path):
    store.labels.save_file(TASK, "mr_1", write_volume(tmp_path / "label.nii.gz"), Origin("anna"))
    store.scores.set(TASK, "entropy", {"mr_1": 1.0})
    store.leases.acquire(TASK, "mr_1", "anna", 60)
    store.images.remove("mr_1")
    assert not (studies / "mr_1.nii.gz").exists()
    with pytest.raises(NotFoundError, match="no image 'mr_1'"):
        store.images.get("mr_1")
    store.images.add("mr_1", write_volume(tmp_path / "another.nii.gz", 9))
    assert store.labels.current(TASK, "mr_1") is None
    assert [label.state for label in store.labels.history(TASK, "mr_1")] == [LabelState.WITHDRAWN]
    assert store.scores.of_image(TASK, "mr_1") == {}
    assert store.leases.held(TASK) == {}
    assert store.labels.save_class("tumour", "mr_1", "glioma", Origin("anna")).version == 1


def test_a_file_that_was_removed_since_the_scan_is_not_found(store, studies):
    (studies / "mr_1.nii.gz").unlink()
    with pytest.raises(NotFoundError, match="file of image 'mr_1' was removed"):
        store.images.path("mr_1")


def test_voxels_that_turn_out_unreadable_take_an_image_off_the_list_until_it_changes(store, studies):
    store.images.mark_unreadable("mr_1", "It is cut short; export it again.")
    assert [image.id for image in store.images.list()] == ["mr_0", "mr_2", "mr_3"]
    assert store.images.get("mr_1").reason == "It is cut short; export it again."
    write_volume(studies / "mr_1.nii.gz", shape=(8, 8, 8))
    store.scan()
    assert len(store.images.list()) == 4


def test_what_clients_attach_to_an_image_is_merged(store):
    store.images.merge_info("mr_1", {"strategy": {"random": 1}, "note": "a"})
    store.images.merge_info("mr_1", {"note": "b"})
    assert store.images.get("mr_1").info == {"strategy": {"random": 1}, "note": "b"}
    for change in (lambda: store.images.merge_info("x", {}), lambda: store.images.mark_unreadable("x", "torn")):
        with pytest.raises(NotFoundError, match="no image 'x'"):
            change()
