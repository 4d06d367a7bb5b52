import json

import nibabel as nib
import numpy as np
import pytest

from crosslabel.errors import ImageError
from crosslabel.images import Modality, describe_image, read_image


def save(path, lowest=0.0):
    values = np.full((2, 3, 4), lowest, dtype=np.float32)
    nib.save(nib.Nifti1Image(values, np.eye(4)), path)
    return path


def found(image):
    return image.modality, image.sequence, image.evidence


@pytest.mark.parametrize(
    ("name", "modality", "sequence"),
    [
        ("ct_0001", Modality.CT, None),
        ("patient-12.CT", Modality.CT, None),
        ("amos_mri_7", Modality.MR, None),
        ("brats_2013_pat0003_1_t1c", Modality.MR, "T1c"),
        ("case_T1ce", Modality.MR, "T1c"),
        ("case_t1gd", Modality.MR, "T1c"),
        ("t1_post_12", Modality.MR, "T1c"),
        ("case_T1", Modality.MR, "T1"),
        ("sub-01_T2w", Modality.MR, "T2"),
        ("sub-01_T2_FLAIR", Modality.MR, "FLAIR"),
        ("crossmoda_1_hrT2", Modality.MR, "T2"),
        ("cxr-3", Modality.XR, None),
        ("xray_3", Modality.XR, None),
        ("thyroid_us_3", Modality.US, None),
    ],
)
def test_the_file_name_tells_by_its_words(tmp_path, name, modality, sequence):
    path = save(tmp_path / f"{name}.nii.gz")
    assert found(describe_image(path)) == (modality, sequence, "file name")
    assert found(read_image(path)) == (modality, sequence, "file name")


@pytest.mark.parametrize("name", ["hippocampus_001", "action", "campus", "ct_to_mr_pair", "scan12"])
def test_a_name_that_tells_nothing_or_two_things_leaves_it_open(tmp_path, name):
    assert found(read_image(save(tmp_path / f"{name}.nii.gz"))) == (None, None, "")


def test_two_sequences_in_a_name_leave_the_sequence_open(tmp_path):
    summary = describe_image(save(tmp_path / "t1c_flair_stack.nii.gz"))
    assert (summary.modality, summary.sequence) == (Modality.MR, None)


def test_the_name_of_a_folder_above_tells_nothing(tmp_path):
    (tmp_path / "ct").mkdir()
    assert read_image(save(tmp_path / "ct" / "a.nii.gz")).modality is None


@pytest.mark.parametrize(
    ("content", "modality", "sequence"),
    [
        ({"Modality": "MR", "SeriesDescription": "ax t2 flair fs"}, Modality.MR, "FLAIR"),
        ({"Modality": "MR", "ProtocolName": "T1w_MPRAGE"}, Modality.MR, "T1"),
        ({"Modality": "MR", "ProtocolName": "T1w", "ContrastBolusAgent": "Gadovist"}, Modality.MR, "T1c"),
        ({"Modality": "CT"}, Modality.CT, None),
        ({"Sequence": "DWI"}, Modality.MR, "DWI"),
        ({"Modality": "SEG"}, Modality.OT, None),
    ],
)
def test_a_sidecar_comes_before_the_file_name(tmp_path, content, modality, sequence):
    path = save(tmp_path / "case_us.nii.gz")
    (tmp_path / "case_us.json").write_text(json.dumps(content))
    assert found(describe_image(path)) == (modality, sequence, "sidecar")


def test_modality_and_sequence_may_come_from_different_places(tmp_path):
    path = save(tmp_path / "case_t1c.nii.gz")
    (tmp_path / "case_t1c.json").write_text('{"Modality": "MR"}')
    assert found(describe_image(path)) == (Modality.MR, "T1c", "sidecar; sequence: file name")


@pytest.mark.parametrize("content", ["{not json", "\xff\xfe"])
def test_a_broken_sidecar_is_not_passed_over(tmp_path, content):
    path = save(tmp_path / "a.nii.gz")
    (tmp_path / "a.json").write_text(content, encoding="latin-1")
    with pytest.raises(ImageError, match=r"sidecar 'a.json' is not valid JSON: mend it or remove it"):
        describe_image(path)


@pytest.mark.parametrize("content", ["[]", "{}", '{"Modality": 3, "author": "x"}'])
def test_a_sidecar_without_a_modality_tells_nothing(tmp_path, content):
    path = save(tmp_path / "a.nii.gz")
    (tmp_path / "a.json").write_text(content)
    assert found(describe_image(path)) == (None, None, "")


@pytest.mark.parametrize(("lowest", "modality"), [(-1024.0, Modality.CT), (-500.0, Modality.CT), (-499.0, None), (0.0, None)])
def test_hounsfield_units_tell_a_ct_once_voxels_are_read(tmp_path, lowest, modality):
    path = save(tmp_path / "a.nii.gz", lowest)
    assert found(read_image(path)) == (modality, None, "voxel values" if modality else "")
    assert describe_image(path).modality is None


def test_the_dicom_header_comes_before_the_sidecar(tmp_path, ct_series):
    folder = ct_series(tmp_path / "a", [(0, 0, 0), (0, 0, 1)])
    (tmp_path / "a.json").write_text('{"Modality": "MR"}')
    assert found(describe_image(folder)) == (Modality.CT, None, "DICOM header")


def test_a_dicom_header_of_another_kind_leaves_no_doubt(tmp_path, dicom_file):
    path = dicom_file(tmp_path / "ct.dcm", np.zeros((2, 2), np.uint8), Modality="ECG")
    assert found(read_image(path)) == (Modality.OT, None, "DICOM header")
