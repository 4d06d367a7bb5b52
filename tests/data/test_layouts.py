from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pytest
from PIL import Image as Picture

import tiny
from crosslabel.data import labelled_cases, passed_over
from crosslabel.errors import DataError, ImageError
from crosslabel.images import Modality


def save(path, array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, tiny.AFFINE), path)


def write_pair(folder, images: str, labels: str, values: list[int], image_name: str = "a") -> None:
    save(folder / images / f"{image_name}.nii.gz", np.zeros((4, 4, 4), np.float32))
    save(folder / labels / "a.nii.gz", np.resize(np.array(values, np.uint8), (4, 4, 4)))


@pytest.mark.parametrize(("images", "labels"), [("imagesTr", "labelsTr"), ("images", "labels"), (".", "labels/final")])
def test_each_layout_pairs_images_with_labels_by_name(tmp_path, images, labels):
    write_pair(tmp_path, images, labels, [0, 2, 7])
    save(tmp_path / images / "without_label.nii.gz", np.zeros((4, 4, 4), np.float32))
    (tmp_path / images / "._a.nii.gz").write_bytes(b"resource fork")

    (case,) = labelled_cases(tmp_path, tiny.segmentation_task())

    assert case.id == "a"
    values, _ = case.read_label(tiny.segmentation_task())
    assert set(np.unique(values)) == {0, 2, 7}


def test_the_channel_suffix_of_nnu_net_is_not_part_of_the_case(tmp_path):
    write_pair(tmp_path, "imagesTr", "labelsTr", [0, 2], image_name="a_0000")
    assert [case.id for case in labelled_cases(tmp_path, tiny.segmentation_task())] == ["a"]


def test_values_that_a_data_set_names_come_before_the_mapping_of_the_task(tmp_path):
    write_pair(tmp_path, "imagesTr", "labelsTr", [0, 1, 2, 3])
    names = {"0": "background", "1": "Second", "2": "something else", "3": "FIRST"}
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": names}))
    task = tiny.segmentation_task(read_labels={"first": 1})

    values, _ = labelled_cases(tmp_path, task)[0].read_label(task)

    assert values.ravel()[:4].tolist() == [0, 7, 0, 2]


def test_the_mapping_of_the_task_merges_values_and_drops_what_it_does_not_name(tmp_path):
    write_pair(tmp_path, "imagesTr", "labelsTr", [0, 1, 4, 5, 9])
    task = tiny.segmentation_task(read_labels={"first": [1, 4], "second": 5})

    values, _ = labelled_cases(tmp_path, task)[0].read_label(task)

    assert values.ravel()[:5].tolist() == [0, 2, 2, 7, 0]


def test_labels_that_monai_label_saved_are_in_the_values_of_the_task(tmp_path):
    write_pair(tmp_path, ".", "labels/final", [0, 2, 7])
    task = tiny.segmentation_task(read_labels={"second": 2})

    values, _ = labelled_cases(tmp_path, task)[0].read_label(task)

    assert values.ravel()[:3].tolist() == [0, 2, 7]


def test_a_value_outside_the_task_names_file_and_value(tmp_path):
    write_pair(tmp_path, "imagesTr", "labelsTr", [0, 3])
    task = tiny.segmentation_task()
    with pytest.raises(ImageError, match=r"^a.nii.gz: The label holds the value 3"):
        labelled_cases(tmp_path, task)[0].read_label(task)


def test_class_folders_give_the_class_and_the_only_modality_of_the_task(tmp_path):
    tiny.write_pictures(tmp_path, 2)
    cases = labelled_cases(tmp_path, tiny.classification_task())
    assert [(case.id, case.label) for case in cases] == [
        ("bright/0", "bright"),
        ("bright/1", "bright"),
        ("dark/0", "dark"),
        ("dark/1", "dark"),
    ]
    assert {case.modality for case in cases} == {Modality.XR}


def test_two_images_of_one_name_are_refused(tmp_path):
    for name in ("0.png", "0.jpg", "1.png"):
        path = tmp_path / "dark" / name
        path.parent.mkdir(exist_ok=True)
        Picture.new("L", (8, 8)).save(path)
    with pytest.raises(DataError, match=r"0\.jpg and 0\.png in .*dark have one name but for the suffix"):
        labelled_cases(tmp_path, tiny.classification_task())


def test_a_table_in_another_encoding_is_refused(tmp_path):
    (tmp_path / "labels.csv").write_bytes("image,class,note\n0.png,dark,für\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"labels\.csv is not a CSV file in UTF-8"):
        labelled_cases(tmp_path, tiny.classification_task())


def test_a_table_of_classes_is_read_in_place_of_folders(tmp_path):
    tiny.write_pictures(tmp_path, 1)
    (tmp_path / "labels.csv").write_text("image,class\nbright/0.png,dark\n")
    (case,) = labelled_cases(tmp_path, tiny.classification_task())
    assert case.label == "dark"


@pytest.mark.parametrize("table", ["Image; Class ;note\nbright/0.png; dark;1,5\n", "IMAGE,class\n bright/0.png ,dark \n"])
def test_a_table_may_be_written_as_spreadsheets_do(tmp_path, table):
    tiny.write_pictures(tmp_path, 1)
    (tmp_path / "mine.csv").write_text(table)
    (case,) = labelled_cases(tmp_path / "mine.csv", tiny.classification_task())
    assert (case.id, case.label) == ("bright/0", "dark")


def test_what_lies_among_class_folders_and_takes_no_part_is_named(tmp_path):
    tiny.write_pictures(tmp_path, 1)
    task = tiny.classification_task()
    assert passed_over(tmp_path, task) == []
    (tmp_path / "dark" / "moving.gif").touch()
    (tmp_path / "dark" / ".hidden").touch()
    (tmp_path / "bright" / "patient 1").mkdir()
    assert passed_over(tmp_path, task) == [
        "bright/patient 1 is a folder below a class",
        "dark/moving.gif is no image of a format that is read",
    ]
    assert len(labelled_cases(tmp_path, task)) == 2
    (tmp_path / "labels.csv").write_text("image,class\nbright/0.png,bright\n")
    assert passed_over(tmp_path, task) == ["1 images beside labels.csv are not listed in it"]


def test_lines_of_slices_belong_to_the_volume_they_name(tmp_path):
    task = tiny.classification_task(dimension=3, spacing=(1, 1, 1), patch=(8, 8, 8))
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.nii.gz").touch()
    lines = ("a.nii.gz,dark,7", "a.nii.gz,bright,", "a.nii.gz,bright,2", "b.nii.gz,dark,", "c.nii.gz,dark,1")
    (tmp_path / "labels.csv").write_text("\n".join(("image,class,slice", *lines)))
    first, second = labelled_cases(tmp_path, task)
    assert (first.label, first.slices) == ("bright", ((7, "dark"), (2, "bright")))
    assert (second.label, second.slices) == ("dark", ())
    (sentence,) = passed_over(tmp_path, task)
    assert sentence.startswith("slices of c.nii.gz have a class and the volume has none")


def test_images_may_be_named_by_their_id_as_an_export_does(tmp_path):
    tiny.write_pictures(tmp_path, 1)
    (tmp_path / "labels.csv").write_text("image,class\nbright/0,dark\n")
    (case,) = labelled_cases(tmp_path, tiny.classification_task())
    assert (case.id, case.image, case.label) == ("bright/0", tmp_path / "bright" / "0.png", "dark")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("image,class\nbright/0.png,dark\nbright/0.png,bright\n", "line 3: the image 'bright/0.png' has a class already"),
        ("image,class,slice\nbright/0.png,dark,top\n", "line 2: the slice 'top' is no number"),
        ("image,class\nmissing.png,dark\n", "line 2: the image 'missing.png' does not exist"),
        ("image,class\nbright/0.png,grey\n", "line 2: 'grey' is no class of tiny_classification"),
        ("file,class\nbright/0.png,dark\n", "labels.csv has no column 'image'; its columns are file, class"),
        ("image,class\nbright/0.png,\n", "line 2: 'class' is empty; the columns image and class are needed"),
        ("image,class,slice\nbright/0.png,dark,3\n", "line 2: 'bright/0.png' is a picture and has no slices"),
    ],
)
def test_a_wrong_table_names_the_line(tmp_path, table, message):
    tiny.write_pictures(tmp_path, 1)
    (tmp_path / "labels.csv").write_text(table)
    with pytest.raises(DataError, match=message):
        labelled_cases(tmp_path, tiny.classification_task())


def test_a_folder_that_is_no_class_is_named(tmp_path):
    tiny.write_pictures(tmp_path, 1)
    (tmp_path / "grey").mkdir()
    with pytest.raises(DataError, match="'grey' is no class of tiny_classification"):
        labelled_cases(tmp_path, tiny.classification_task())


def test_a_missing_empty_or_unknown_folder_says_what_is_expected(tmp_path):
    task = tiny.segmentation_task()
    with pytest.raises(DataError, match="does not exist"):
        labelled_cases(tmp_path / "nowhere", task)
    with pytest.raises(DataError, match="expected are imagesTr/ and labelsTr/"):
        labelled_cases(tmp_path, task)
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    with pytest.raises(DataError, match="No labelled image was found"):
        labelled_cases(tmp_path, task)


@pytest.mark.parametrize(("images", "labels"), [("imagesTr", "labelsTr"), ("images", "labels"), (".", "labels/final")])
def test_images_without_labels_are_called_so(tmp_path, images, labels):
    save(tmp_path / "data" / images / "a.nii.gz", np.zeros((4, 4, 4), np.float32))
    with pytest.raises(DataError, match=f"holds images and no labels: .*{labels} is missing"):
        labelled_cases(tmp_path / "data", tiny.segmentation_task())
