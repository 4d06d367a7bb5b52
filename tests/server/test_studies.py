"""The studies folder as a datastore, and which of its labels a task can learn from."""

import json
import shutil

import pytest
import SimpleITK as sitk

from crosslabel.errors import DataError, ImageError, NotFoundError
from crosslabel.server.final_labels import final_cases, read_class_label
from crosslabel.server.studies import Studies
from server_process import write_series, write_studies
from tiny import classification_task, segmentation_task


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return write_studies(tmp_path_factory.mktemp("studies") / "studies")


@pytest.fixture
def folder(prepared, tmp_path):
    return shutil.copytree(prepared, tmp_path / "studies")


def open_studies(folder):
    return Studies(folder, watch=False, read_only=False)


def save_class(studies, tmp_path, image, name, **info):
    path = tmp_path / f"{image}.json"
    path.write_text(json.dumps({"class": name}))
    studies.save_label(image, str(path), "final", info)


def test_dots_in_names_stay_in_the_ids(folder):
    shutil.copy(folder / "mr_0.nii.gz", folder / "mr.v2.nii.gz")
    write_series(folder / "1.2.840.113619", "MR")
    studies = open_studies(folder)
    assert {"mr.v2", "1.2.840.113619"} <= set(studies.list_images())
    assert studies.image_path("1.2.840.113619") == folder / "1.2.840.113619"
    assert studies.image_path("mr.v2") == folder / "mr.v2.nii.gz"


def test_hidden_files_and_labels_are_no_studies(folder):
    assert not {"._mr_0", "labels", "datastore_v2"} & set(open_studies(folder).list_images())


def test_a_study_that_was_removed_meanwhile_is_not_found(folder):
    studies = open_studies(folder)
    (folder / "mr_0.nii.gz").unlink()
    with pytest.raises(NotFoundError, match="no image 'mr_0' among the studies"):
        studies.summary("mr_0")


def test_a_damaged_study_with_a_good_header_is_found_out_and_found_good_when_restored(folder):
    studies = open_studies(folder)
    task = segmentation_task()
    assert studies.is_eligible("mr_truncated", task)
    assert not studies.is_readable("mr_truncated")
    assert not studies.is_eligible("mr_truncated", task)
    with pytest.raises(ImageError, match="mr_truncated"):
        studies.summary("mr_truncated")
    shutil.copyfile(folder / "mr_1.nii.gz", folder / "mr_truncated.nii.gz")
    assert studies.is_readable("mr_truncated")


def test_a_process_beside_the_server_leaves_the_index_alone(folder):
    open_studies(folder)
    index = folder / "datastore_v2.json"
    before = index.read_bytes()
    shutil.copy(folder / "mr_0.nii.gz", folder / "mr_new.nii.gz")
    beside = Studies(folder, watch=False, read_only=True)
    assert "mr_0" in beside.list_images()
    assert index.read_bytes() == before


def test_a_label_that_cannot_be_written_leaves_the_index_whole(folder, tmp_path, monkeypatch):
    studies = open_studies(folder)
    index = folder / "datastore_v2.json"
    before = index.read_bytes()
    monkeypatch.setattr("json.dumps", lambda *args, **kwargs: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        studies.update_image_info("mr_0", {"note": "x"})
    assert index.read_bytes() == before


def test_a_damaged_index_is_named_with_a_way_out(folder):
    open_studies(folder)
    (folder / "datastore_v2.json").write_text('{"objects": {"mr')
    with pytest.raises(DataError, match=r"datastore_v2\.json .* is damaged; restore it, or move it away"):
        open_studies(folder)


def test_final_cases_are_the_labels_of_the_tasks_own_kind(folder, tmp_path):
    studies = open_studies(folder)
    segmentation, classification = segmentation_task(), classification_task()
    label = tmp_path / "label.nii.gz"
    image = sitk.ReadImage(str(folder / "mr_0.nii.gz"))
    sitk.WriteImage(sitk.Cast(image * 0, sitk.sitkUInt8), str(label))
    studies.save_label("mr_0", str(label), "final", {})
    studies.save_label("mr_1", str(label), "final", {"task": "another_task"})
    studies.save_label("mr_2", str(label), "original", {})
    save_class(studies, tmp_path, "bright_0", "bright")
    save_class(studies, tmp_path, "dark_0", "no class of this task")
    save_class(studies, tmp_path, "mr_3", "bright")
    assert [(case.id, case.own_values) for case in final_cases(studies, segmentation)] == [("mr_0", True)]
    assert [(case.id, case.label) for case in final_cases(studies, classification)] == [("bright_0", "bright")]


@pytest.mark.parametrize("content", ["", "[]", '{"class": 3}', '{"label": "bright"}', "not json"])
def test_a_class_label_that_names_no_class_is_refused(tmp_path, content):
    path = tmp_path / "label.json"
    path.write_text(content)
    with pytest.raises(ImageError, match="class"):
        read_class_label(path)
