from __future__ import annotations

import json
import shutil

import pydicom
import pytest

from crosslabel.store.pseudonyms import Pseudonyms, patient_in_name
from server_process import write_series
from store_files import write_volume

PSEUDONYMS = Pseudonyms("key of a folder")


@pytest.mark.parametrize(
    ("image_id", "patient"),
    [
        ("patient7_t1", "patient7"),
        ("p003_ct", "p003"),
        ("ct_p003", "p003"),
        ("BRATS_001", "brats_001"),
        ("sub-01/ses-02/anat/sub-01_ses-02_T1w", "sub_01"),
        ("site2/patient7/ct", "patient7"),
        ("2024/p9/mr", "p9"),
        ("17/ct", "17"),
        ("phantom", "phantom"),
        ("series/phantom", "series/phantom"),
    ],
)
def test_the_part_of_a_name_that_names_the_patient(image_id, patient):
    assert patient_in_name(image_id) == patient


def with_patient(folder, patient, study):
    for file in folder.iterdir():
        slice_ = pydicom.dcmread(file)
        slice_.PatientID, slice_.PatientName, slice_.StudyInstanceUID = patient, "Doe^Jane", study
        slice_.save_as(file)
    return folder


def test_series_of_one_patient_share_a_pseudonym_wherever_they_lie(tmp_path):
    first = with_patient(write_series(tmp_path / "a", "CT", 2), "4711", "1.2.3")
    second = with_patient(write_series(tmp_path / "b", "MR", 2), "4711", "1.2.4")
    other = with_patient(write_series(tmp_path / "c", "MR", 2), "4712", "1.2.5")
    of = {path: PSEUDONYMS.of(path, path.name) for path in (first, second, other)}
    assert of[first][0] == of[second][0] != of[other][0]
    assert len({study for _, study in of.values()}) == 3


def test_nothing_of_the_header_is_kept_in_clear(tmp_path):
    series = with_patient(write_series(tmp_path / "a", "CT", 2), "4711", "1.2.3")
    told = " ".join(PSEUDONYMS.of(series, "a"))
    assert not any(word in told for word in ("4711", "1.2.3", "Doe", "Jane"))


def test_another_folder_has_other_pseudonyms(tmp_path):
    series = with_patient(write_series(tmp_path / "a", "CT", 2), "4711", "1.2.3")
    assert PSEUDONYMS.of(series, "a") != Pseudonyms("key of another folder").of(series, "a")


def test_a_sidecar_tells_the_patient(tmp_path):
    for name, patient in (("x1", "4711"), ("x2", "4711"), ("x3", "4712")):
        write_volume(tmp_path / f"{name}.nii.gz")
        (tmp_path / f"{name}.json").write_text(json.dumps({"PatientID": patient}))
    patients = [PSEUDONYMS.of(tmp_path / f"{name}.nii.gz", name)[0] for name in ("x1", "x2", "x3")]
    assert patients[0] == patients[1] != patients[2]


@pytest.mark.filterwarnings("ignore:End of file reached")
def test_a_damaged_header_falls_back_to_the_name(tmp_path):
    series = write_series(tmp_path / "p5", "CT", 1)
    file = next(series.iterdir())
    file.write_bytes(file.read_bytes()[:140] + b"\xff" * 20)
    shutil.copy(file, tmp_path / "p5_mr.dcm")
    assert PSEUDONYMS.of(series, "p5")[0] == PSEUDONYMS.of(tmp_path / "p5_mr.dcm", "p5_mr")[0]
