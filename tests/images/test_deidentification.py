"""DICOM files that name a person, and copies that name nobody."""

import zipfile

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from crosslabel.errors import ImageError
from crosslabel.images import read_image
from crosslabel.images.deidentification import deidentify, identifying_tags
from server_process import write_series

SECRETS = ("Doe^Jane", "4711", "19700101", "Dr^Who", "St. Elsewhere", "TI ME", "private words", "knee of Jane", "in preamble")


@pytest.fixture
def series(tmp_path):
    """A zip of an MR series that says in many places whose it is."""
    folder = write_series(tmp_path / "series", "MR", slices=3)
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "Doe^Jane", "4711", "19700101"
        dataset.ReferringPhysicianName, dataset.InstitutionName = "Dr^Who", "St. Elsewhere"
        dataset.SeriesDescription, dataset.StudyDescription = "T1 of TI ME", "knee of Jane"
        dataset.RescaleSlope, dataset.RescaleIntercept = 2, -5
        dataset.StudyDate, dataset.AcquisitionTime = "19991231", "235959"
        dataset.private_block(0x0011, "ACME", create=True).add_new(1, "LO", "private words")
        item = Dataset()
        item.PatientID = "4711"
        dataset.OtherPatientIDsSequence = [item]
        dataset.preamble = b"in preamble".ljust(128, b"\0")
        dataset.save_as(path)
    archive = tmp_path / "series.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in folder.iterdir():
            packed.write(path, f"Doe^Jane/{path.name}")
    return archive


def contents(archive):
    with zipfile.ZipFile(archive) as packed:
        return [packed.read(name) for name in packed.namelist()], packed.namelist()


def test_the_tags_that_identify_are_named_without_their_values(series):
    assert identifying_tags(series) == [
        "PatientName",
        "PatientID",
        "PatientBirthDate",
        "InstitutionName",
        "ReferringPhysicianName",
    ]


def test_a_copy_holds_no_word_of_the_patient_anywhere(series, tmp_path):
    copy = tmp_path / "copy.zip"
    deidentify(series, copy)
    files, names = contents(copy)
    assert len(files) == 3
    for secret in SECRETS:
        assert not any(secret.encode() in file for file in files), secret
        assert not any(secret in name for name in names), secret
    assert identifying_tags(copy) == []


def test_a_copy_shows_the_same_voxels_in_the_same_place_of_the_same_kind(series, tmp_path):
    copy = tmp_path / "copy.zip"
    deidentify(series, copy)
    before, after = read_image(series), read_image(copy)
    assert np.array_equal(before.array, after.array)
    assert before.grid.same_as(after.grid)
    assert (after.modality, after.sequence) == (before.modality, "T1")


def test_a_series_stays_one_under_new_uids_that_the_old_ones_do_not_give_away(series, tmp_path):
    copies = [tmp_path / "first.zip", tmp_path / "second.zip"]
    for copy in copies:
        deidentify(series, copy)
    uids = []
    for archive in (series, *copies):
        files, _ = contents(archive)
        read = [pydicom.dcmread(pydicom.filebase.DicomBytesIO(file)) for file in files]
        (uid,) = {dataset.SeriesInstanceUID for dataset in read}
        assert len({dataset.SOPInstanceUID for dataset in read}) == 3
        assert all(dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID for dataset in read)
        uids.append(uid)
    assert len(set(uids)) == 3


def test_a_single_file_is_copied_too(series, tmp_path):
    path = next((tmp_path / "series").iterdir())
    deidentify(path, path)
    assert pydicom.dcmread(path).PatientName == ""
    assert pydicom.dcmread(path).PatientIdentityRemoved == "YES"


def test_pixels_that_show_a_name_are_refused_and_nothing_is_written(tmp_path):
    path = next(write_series(tmp_path / "series", "MR", slices=1).iterdir())
    dataset = pydicom.dcmread(path)
    dataset.BurnedInAnnotation = "YES"
    dataset.save_as(path)
    with pytest.raises(ImageError, match="drawn into its pixels: mask it"):
        deidentify(path, tmp_path / "copy.dcm")
    assert not (tmp_path / "copy.dcm").exists()
