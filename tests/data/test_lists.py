from __future__ import annotations

import json

import pytest

import tiny
from crosslabel.data import labelled_cases, listed_cases, unlabelled_cases, with_labels
from crosslabel.errors import DataError
from crosslabel.images import Modality


@pytest.fixture
def folder(tmp_path):
    return tiny.write_blobs(tmp_path / "data", 3)


def test_a_csv_names_images_labels_patients_and_modalities(folder):
    (folder / "cases.csv").write_text(
        "image,label,patient,modality,sequence\n"
        "imagesTr/mr_01.nii.gz,labelsTr/mr_01.nii.gz,anna,MR,FLAIR\n"
        "imagesTr/mr_00.nii.gz,,,,\n"
    )
    unlabelled, labelled = listed_cases(folder / "cases.csv")
    assert (unlabelled.id, unlabelled.label, unlabelled.patient, unlabelled.modality) == ("mr_00", None, None, None)
    assert labelled.image == folder / "imagesTr" / "mr_01.nii.gz"
    assert labelled.label == folder / "labelsTr" / "mr_01.nii.gz"
    assert (labelled.patient, labelled.modality, labelled.sequence) == ("anna", Modality.MR, "FLAIR")
    assert [case.id for case in labelled_cases(folder / "cases.csv", tiny.segmentation_task())] == ["mr_01"]


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_json_list_is_read_alone_or_under_training(folder, wrapped):
    rows = [{"image": f"imagesTr/mr_0{n}.nii.gz", "label": f"labelsTr/mr_0{n}.nii.gz", "id": f"case {n}"} for n in (1, 0)]
    (folder / "cases.json").write_text(json.dumps({"training": rows} if wrapped else rows))
    assert [case.id for case in listed_cases(folder / "cases.json")] == ["case 0", "case 1"]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("cases.csv", "image,label\n,x\n", "line 2: the image is missing"),
        ("cases.csv", "image,label\nnowhere.nii.gz,\n", "line 2: 'nowhere.nii.gz' does not exist"),
        ("cases.csv", "image,modality\nimagesTr/mr_00.nii.gz,telepathy\n", "line 2: 'telepathy' is not a modality"),
        ("cases.csv", "image\nimagesTr/mr_00.nii.gz\nimagesTr/mr_00.nii.gz\n", "two cases are called 'mr_00'"),
        ("cases.json", "{", "not valid JSON"),
        ("cases.json", '{"test": []}', "a list of objects"),
        ("cases.csv", "image,label\nimagesTr/mr_00.nii.gz,\n", "No case in cases.csv has a label"),
    ],
)
def test_what_is_wrong_in_a_list_is_named_with_its_place(folder, name, text, sentence):
    (folder / name).write_text(text)
    with pytest.raises(DataError, match=sentence):
        labelled_cases(folder / name, tiny.segmentation_task())


def test_images_are_found_in_a_folder_or_where_layouts_keep_them(folder):
    for place in (folder, folder / "imagesTr"):
        cases = unlabelled_cases(place)
        assert [case.id for case in cases] == ["mr_00", "mr_01", "mr_02"]
        assert all(case.label is None for case in cases)
    with pytest.raises(DataError, match="does not exist"):
        unlabelled_cases(folder / "nowhere")
    (folder / "empty").mkdir()
    with pytest.raises(DataError, match="No image was found"):
        unlabelled_cases(folder / "empty")


def test_labels_join_the_images_that_they_are_called_like(folder):
    (folder / "labelsTr" / "mr_02.nii.gz").unlink()
    (folder / "labelsTr" / "mr_07.nii.gz").write_bytes((folder / "labelsTr" / "mr_00.nii.gz").read_bytes())
    cases, others = with_labels(unlabelled_cases(folder), folder, own_values=True)
    assert [label.name for label in others] == ["mr_07.nii.gz"]
    assert [case.label and case.label.name for case in cases] == ["mr_00.nii.gz", "mr_01.nii.gz", None]
    assert [case.own_values for case in cases] == [True, True, False]
    (folder / "others").mkdir()
    with pytest.raises(DataError, match="called like a target image"):
        with_labels(unlabelled_cases(folder), folder / "others", own_values=True)


def test_a_data_set_that_names_its_values_is_read_alike_by_folder_list_and_as_labels_of_target_images(folder):
    task = tiny.segmentation_task(read_labels={"first": 7, "second": 2})
    rows = [{"image": f"imagesTr/mr_0{n}.nii.gz", "label": f"labelsTr/mr_0{n}.nii.gz"} for n in range(3)]
    described = {"labels": {"0": "background", "2": "First", "7": "Second"}, "training": rows}
    (folder / "dataset.json").write_text(json.dumps(described))
    (folder / "cases.json").write_text(json.dumps(rows))
    (folder / "cases.csv").write_text("image,label\n" + "".join(f"{row['image']},{row['label']}\n" for row in rows))
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / "dataset.json").write_text(json.dumps({"labels": {"7": "first", "2": "second"}}))
    far = [{name: f"../{path}" for name, path in row.items()} for row in rows]
    (folder / "elsewhere" / "cases.json").write_text(json.dumps({"training": far}))

    images = unlabelled_cases(folder)
    routes = [
        labelled_cases(folder, task),
        *(labelled_cases(folder / name, task) for name in ("dataset.json", "cases.json", "cases.csv", "elsewhere/cases.json")),
        *(with_labels(images, place, own_values=False)[0] for place in (folder, folder / "labelsTr")),
    ]

    _, stored = tiny.blobs(0)
    for cases in routes:
        assert (cases[0].read_label(task)[0] == stored).all()


def test_a_list_that_names_values_itself_is_taken_at_its_word(folder):
    task = tiny.segmentation_task()
    (folder / "dataset.json").write_text(json.dumps({"labels": {"2": "first", "7": "second"}}))
    rows = [{"image": "imagesTr/mr_00.nii.gz", "label": "labelsTr/mr_00.nii.gz"}]
    (folder / "cases.json").write_text(json.dumps({"labels": {"first": 7, "second": 2}, "training": rows}))

    (case,) = labelled_cases(folder / "cases.json", task)

    _, stored = tiny.blobs(0)
    assert ((case.read_label(task)[0] == 2) == (stored == 7)).all()
    (folder / "cases.json").write_text(json.dumps({"labels": {"first": [2, 7]}, "training": rows}))
    with pytest.raises(DataError, match=r"cases\.json: 'labels' must give each value one name"):
        labelled_cases(folder / "cases.json", task)


def test_a_second_channel_is_no_second_target_image(tmp_path):
    for name in ("pat1_0000", "pat1_0001", "pat2_0000"):
        tiny.write_blobs(tmp_path, 1)
        (tmp_path / "imagesTr" / "mr_00.nii.gz").rename(tmp_path / "imagesTr" / f"{name}.nii.gz")
    with pytest.raises(DataError, match=r"pat1_0001\.nii\.gz is named like a further channel of pat1_0000\.nii\.gz"):
        unlabelled_cases(tmp_path)
    (tmp_path / "imagesTr" / "pat1_0001.nii.gz").unlink()
    assert [case.id for case in unlabelled_cases(tmp_path)] == ["pat1", "pat2"]


def test_images_that_are_numbered_from_nought_are_images(tmp_path):
    for number in range(3):
        tiny.write_blobs(tmp_path, 1)
        (tmp_path / "imagesTr" / "mr_00.nii.gz").rename(tmp_path / "imagesTr" / f"img_000{number}.nii.gz")
    assert len(unlabelled_cases(tmp_path)) == 3


def test_two_target_images_of_one_name_are_refused(tmp_path):
    for place in ("imagesTr/a.nii.gz", "imagesTs/a.nrrd"):
        (tmp_path / place).parent.mkdir()
        (tmp_path / place).touch()
    with pytest.raises(DataError, match=r"imagesTr/a\.nii\.gz and .*imagesTs/a\.nrrd have one name"):
        unlabelled_cases(tmp_path)


def test_a_list_as_a_spreadsheet_writes_it_is_read(folder):
    (folder / "cases.csv").write_text("Image; Label\nimagesTr/mr_00.nii.gz ; labelsTr/mr_00.nii.gz\n")
    (case,) = listed_cases(folder / "cases.csv")
    assert (case.id, case.label.name) == ("mr_00", "mr_00.nii.gz")
