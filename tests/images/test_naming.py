import numpy as np
import pytest

from crosslabel.images import image_id_of, is_image_path


@pytest.mark.parametrize(
    ("name", "image_id"),
    [
        ("a.nii.gz", "a"),
        ("a.b.NII", "a.b"),
        ("folder/a.nrrd", "a"),
        ("a.jpeg", "a"),
        ("CT.1.2.840.113", "CT.1.2.840.113"),
        ("a.txt", "a.txt"),
    ],
)
def test_the_id_is_the_name_without_the_image_suffix(name, image_id):
    assert image_id_of(name) == image_id


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii", "a.nrrd", "a.mha", "a.mhd", "a.dcm", "a.zip", "a.PNG", "a.jpg"])
def test_image_files_are_studies(tmp_path, name):
    (tmp_path / name).touch()
    assert is_image_path(tmp_path / name)


@pytest.mark.parametrize("name", ["._a.nii.gz", ".a.png", "a.json", "a.txt", "a.raw", "a.seg.nrrd", "datastore_v2.json"])
def test_companions_and_hidden_files_are_not(tmp_path, name):
    (tmp_path / name).write_bytes(bytes(200))
    assert not is_image_path(tmp_path / name)


def test_what_does_not_exist_is_not(tmp_path):
    assert not is_image_path(tmp_path / "a.nii.gz")
    assert not is_image_path(tmp_path / "a")


def test_a_folder_is_a_study_where_it_holds_dicom_itself(tmp_path, ct_series):
    series = ct_series(tmp_path / "patient", [(0, 0, 0), (0, 0, 1)])
    (tmp_path / "labels").mkdir()
    assert is_image_path(series)
    assert not is_image_path(tmp_path)
    assert not is_image_path(tmp_path / "labels")


def test_dicom_without_a_suffix_is_known_by_its_content(tmp_path, dicom_file):
    path = dicom_file(tmp_path / "IM0001", np.zeros((2, 2), np.uint8), Modality="DX")
    assert is_image_path(path)
