from __future__ import annotations

import csv
import shutil

import numpy as np
import pydicom
import pytest
from PIL import Image as Picture

import tiny
from crosslabel.data.spreadsheets import read_table
from crosslabel.errors import DataError, NotFoundError
from crosslabel.store import Origin, Store, TrainingPolicy
from crosslabel.store.class_labels import class_rows, export_csv, import_classes, slice_classes, slice_tag
from crosslabel.store.structured_report import export_reports
from server_process import write_series

TASK = tiny.classification_task()


@pytest.fixture
def store(tmp_path):
    studies = tmp_path / "studies"
    for name in ("a/one.png", "a/two.png", "b/two.png", "three.png"):
        path = studies / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Picture.fromarray(np.full((8, 6), len(name) * 9, np.uint8)).save(path)
    write_series(studies / "series", "MR")
    with Store(studies) as opened:
        opened.scan()
        yield opened


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_what_is_exported_comes_back_the_same(store, tmp_path):
    store.labels.save_class(TASK.name, "a/one", "dark", Origin("anna", "at a glance"))
    store.labels.save_class(TASK.name, "a/one", "bright", Origin("ben", "looked again", params={"sure": True}))
    store.labels.save_class(TASK.name, "series", "dark", Origin("anna", params={"slice": 3}), slice_tag(3))
    assert export_csv(store, TASK, tmp_path / "out.csv") == 2
    found = rows(tmp_path / "out.csv")
    assert [(row["image"], row["class"], row["slice"], row["sure"], row["author"], row["comment"]) for row in found] == [
        ("a/one", "bright", "", "true", "ben", "looked again"),
        ("series", "dark", "3", "", "anna", ""),
    ]
    assert all(row["created"] and row["version"] for row in found)
    assert import_classes(store, TASK, tmp_path / "out.csv", "carl") == 0


def test_a_table_of_classes_becomes_final_labels_of_an_author(store, tmp_path):
    table = tmp_path / "classes.csv"
    table.write_text("image,class,sure,comment\na/two.png,dark,false,blurred\nthree,bright,,\nseries,dark,true,\n")
    assert import_classes(store, TASK, table, "carl") == 3
    current = store.labels.current(TASK.name, "a/two")
    assert (current.class_name, current.author, current.comment, current.params) == ("dark", "carl", "blurred", {"sure": False})
    assert (TASK.name, "three") in store.labels.pairs()


def test_a_new_comment_is_saved_and_so_is_how_sure_one_is_and_nobody_is_no_author(store, tmp_path):
    table = tmp_path / "classes.csv"
    for line, saved in (("dark,,", 1), ("dark,,", 0), ("dark,,blurred", 1), ("dark,true,", 1), ("dark,true,blurred", 1)):
        table.write_text(f"image,class,sure,comment\nthree,{line}\n")
        assert import_classes(store, TASK, table, "carl") == saved
    with pytest.raises(DataError, match="the author is empty"):
        import_classes(store, TASK, table, " ")


def test_a_folder_is_no_place_for_a_table(store, tmp_path):
    with pytest.raises(DataError, match="is a folder; give the name of the CSV file"):
        export_csv(store, TASK, tmp_path)


def test_a_label_of_a_slice_has_a_history_of_its_own_and_leaves_the_volume_unlabelled(store, tmp_path):
    table = tmp_path / "classes.csv"
    table.write_text("image,class,slice\nseries,dark,2\nseries,bright,4\n")
    assert import_classes(store, TASK, table, "carl") == 2
    table.write_text("image,class,slice\nseries,bright,2\nseries,bright,4\n")
    assert import_classes(store, TASK, table, "carl") == 1
    assert [(row.slice, row.label.class_name) for row in class_rows(store, TASK)] == [(2, "bright"), (4, "bright")]
    assert (TASK.name, "series") not in store.labels.pairs()


def test_slices_that_were_not_sent_back_may_train(store):
    for number, name in ((3, "dark"), (0, "bright")):
        store.labels.save_class(TASK.name, "series", name, Origin("anna"), slice_tag(number))
    store.labels.save_class(TASK.name, "series", "bright", Origin("ben"), slice_tag(3))
    store.labels.save_class(TASK.name, "a/one", "dark", Origin("anna"))
    assert slice_classes(store, TASK) == {"series": ((0, "bright"), (3, "bright"))}
    assert slice_classes(store, TASK, TrainingPolicy.APPROVED) == {}
    newest = store.labels.current(TASK.name, "series", slice_tag(3))
    store.reviews.approve(TASK.name, "series", newest.version, reviewer="rita")
    store.labels.save_class(TASK.name, "series", "dark", Origin("ben"), slice_tag(3))
    # As of whole images, the newest approved version counts there, whatever was saved since.
    assert slice_classes(store, TASK, TrainingPolicy.APPROVED) == {"series": ((3, "bright"),)}
    first = store.labels.current(TASK.name, "series", slice_tag(0))
    store.reviews.send_back(TASK.name, "series", first.version, reviewer="rita", comment="look again")
    assert slice_classes(store, TASK) == {"series": ((3, "dark"),)}


def test_class_folders_are_matched_by_file_name(store, tmp_path):
    for name in ("dark/one.png", "bright/three.png"):
        (tmp_path / "sorted" / name).parent.mkdir(parents=True)
        (tmp_path / "sorted" / name).touch()
    assert import_classes(store, TASK, tmp_path / "sorted", "carl") == 2
    assert store.labels.current(TASK.name, "a/one").class_name == "dark"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nobody,dark,,", "line 3: there is no image 'nobody'"),
        ("two,dark,,", "line 3: 'two' may be a/two, b/two; write the whole id"),
        ("a/two,grey,,", r"line 3: 'grey' is no class of tiny_classification \(bright, dark\)"),
        ("a/two,dark,third,", "line 3: the slice 'third' is no number"),
        ("a/two,dark,,perhaps", "line 3: sure is 'perhaps'; write true or false"),
        ("a/two,,,", "line 3: 'class' is empty; the columns image and class are needed"),
    ],
)
def test_one_wrong_line_is_named_and_nothing_is_imported(store, tmp_path, line, said):
    table = tmp_path / "classes.csv"
    table.write_text(f"image,class,slice,sure\nthree,dark,,\n{line}\n")
    with pytest.raises(DataError, match=said):
        import_classes(store, TASK, table, "carl")
    assert class_rows(store, TASK) == []


def test_a_comment_does_not_become_a_formula_in_a_spreadsheet(store, tmp_path):
    store.labels.save_class(TASK.name, "three", "dark", Origin("anna", "=HYPERLINK(1)"))
    export_csv(store, TASK, tmp_path / "out.csv")
    assert rows(tmp_path / "out.csv")[0]["comment"] == "'=HYPERLINK(1)"


def test_what_is_kept_from_being_a_formula_comes_back_as_it_was(store, tmp_path):
    for number, comment in enumerate(["=SUM(1)", "'quoted", "'=quoted", "- none"]):
        store.labels.save_class(TASK.name, ("a/one", "a/two", "b/two", "three")[number], "dark", Origin("anna", comment))
    export_csv(store, TASK, tmp_path / "out.csv")
    written = {row["image"]: row["comment"] for row in rows(tmp_path / "out.csv")}
    read = {row["image"]: row["comment"] for _, row in read_table(tmp_path / "out.csv")}
    assert all(not comment.startswith(("=", "-")) for comment in written.values())
    assert read == {"a/one": "=SUM(1)", "a/two": "'quoted", "b/two": "'=quoted", "three": "- none"}


def test_two_classes_for_one_image_are_refused(store, tmp_path):
    (tmp_path / "in.csv").write_text("image,class\na/one,dark\nthree,dark\na/one.png,bright\n")
    with pytest.raises(DataError, match=r"in\.csv, line 4: 'a/one' has a class already at in\.csv, line 2"):
        import_classes(store, TASK, tmp_path / "in.csv", "anna")
    assert export_csv(store, TASK, tmp_path / "out.csv") == 0


def test_a_class_for_a_slice_of_a_picture_is_refused(store, tmp_path):
    (tmp_path / "in.csv").write_text("image,class,slice\nseries,dark,1\nthree,dark,1\n")
    with pytest.raises(DataError, match=r"in\.csv, line 3: 'three' is a picture and has no slices"):
        import_classes(store, TASK, tmp_path / "in.csv", "anna")
    assert export_csv(store, TASK, tmp_path / "out.csv") == 0


def test_a_folder_that_is_no_class_is_refused(store, tmp_path):
    (tmp_path / "in" / "Dark").mkdir(parents=True)
    (tmp_path / "in" / "Dark" / "three.png").touch()
    with pytest.raises(DataError, match="'Dark' is no class"):
        import_classes(store, TASK, tmp_path / "in", "anna")


def test_a_table_in_another_encoding_is_refused(store, tmp_path):
    (tmp_path / "in.csv").write_bytes("image,class,comment\nthree,dark,für\n".encode("latin-1"))
    with pytest.raises(DataError, match="UTF-8"):
        import_classes(store, TASK, tmp_path / "in.csv", "anna")


def test_reports_of_images_that_are_called_alike_in_two_folders_are_apart(store, tmp_path):
    for image in ("a/two", "b/two"):
        store.labels.save_class(TASK.name, image, "dark", Origin("anna"))
    assert export_reports(store, TASK, tmp_path / "sr") == 2
    assert (tmp_path / "sr" / "a" / "two.dcm").is_file()
    assert (tmp_path / "sr" / "b" / "two.dcm").is_file()


def seen_instances(report) -> set[str]:
    series = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
    return {str(instance.ReferencedSOPInstanceUID) for instance in series.ReferencedSOPSequence}


def test_the_report_of_a_zipped_series_carries_its_patient_and_study(store, tmp_path):
    series = tmp_path / "studies" / "series"
    shutil.make_archive(str(tmp_path / "studies" / "zipped"), "zip", series)
    store.scan()
    for image in ("series", "zipped"):
        store.labels.save_class(TASK.name, image, "dark", Origin("anna"))
    export_reports(store, TASK, tmp_path / "sr")
    plain, zipped = (pydicom.dcmread(tmp_path / "sr" / f"{name}.dcm") for name in ("series", "zipped"))
    assert zipped.StudyInstanceUID == plain.StudyInstanceUID
    assert zipped.PatientID == plain.PatientID
    assert seen_instances(zipped) == seen_instances(plain) != set()


def test_reports_are_dicom_that_says_class_author_and_what_was_seen(store, tmp_path):
    store.labels.save_class(TASK.name, "three", "bright", Origin("anna", "a comment: äöü", params={"sure": False}))
    store.labels.save_class(TASK.name, "series", "dark", Origin("ben"))
    assert export_reports(store, TASK, tmp_path / "sr") == 2
    report = pydicom.dcmread(tmp_path / "sr" / "series.dcm")
    assert report.SOPClassUID == pydicom.uid.BasicTextSRStorage
    instances = [pydicom.dcmread(path) for path in (tmp_path / "studies" / "series").iterdir()]
    assert report.StudyInstanceUID == instances[0].StudyInstanceUID
    evidence = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert {one.ReferencedSOPInstanceUID for one in evidence} == {one.SOPInstanceUID for one in instances}
    observer, finding, impression = report.ContentSequence
    assert observer.PersonName == "ben"
    assert finding.ConceptCodeSequence[0].CodeMeaning == "dark"
    assert impression.TextValue == "Bright or dark: dark"
    other = pydicom.dcmread(tmp_path / "sr" / "three.dcm")
    texts = [item.TextValue for item in other.ContentSequence if item.ValueType == "TEXT"]
    assert texts == ["Bright or dark: bright", "The author is not sure.", "a comment: äöü"]
    assert other.PatientID == store.images.get("three").patient


def test_a_version_of_a_label_is_the_same_report_however_often_it_is_exported_and_a_new_one_another(store, tmp_path):
    def exported(name):
        export_reports(store, TASK, tmp_path / name)
        found = pydicom.dcmread(tmp_path / name / "three.dcm")
        return found.SOPInstanceUID, found.SeriesInstanceUID, found.StudyInstanceUID

    store.labels.save_class(TASK.name, "three", "bright", Origin("anna"))
    first = exported("once")
    assert exported("again") == first
    assert len(set(first)) == 3
    store.labels.save_class(TASK.name, "three", "dark", Origin("anna"))
    second = exported("revised")
    assert second[0] != first[0]
    assert second[1:] == first[1:]


@pytest.mark.parametrize(("name", "code"), [("dark", "dark"), ("a class with a long name", None)])
def test_a_class_is_coded_by_its_name_as_far_as_a_code_holds_it(store, tmp_path, name, code):
    task = tiny.classification_task(classes=["other", name])
    store.labels.save_class(task.name, "three", name, Origin("anna"))
    export_reports(store, task, tmp_path / "sr")
    (finding,) = (one for one in pydicom.dcmread(tmp_path / "sr" / "three.dcm").ContentSequence if one.ValueType == "CODE")
    told = finding.ConceptCodeSequence[0]
    assert told.CodeMeaning == name
    assert len(told.CodeValue) <= 16
    assert code is None or told.CodeValue == code


def test_an_import_that_fails_on_its_way_saves_nothing(store):
    before = [("three", "dark", Origin("anna"), "final"), ("nobody", "dark", Origin("anna"), "final")]
    with pytest.raises(NotFoundError):
        store.labels.save_classes(TASK.name, before)
    assert class_rows(store, TASK) == []
