"""Uploads that say who the patient is."""

import zipfile

import pydicom
import pytest

from crosslabel.errors import ImageError
from crosslabel.images import read_image
from crosslabel.server.door import admit
from crosslabel.server.settings import IdentityPolicy, Settings
from server_process import write_series


@pytest.fixture
def upload(tmp_path):
    folder = write_series(tmp_path / "series", "MR", slices=3)
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.PatientName = "Doe^Jane"
        dataset.save_as(path)
    archive = tmp_path / "series.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in folder.iterdir():
            packed.write(path, path.name)
    return archive


def test_by_default_the_sender_is_warned_by_the_tags_name_alone(upload):
    (warning,) = admit(upload, Settings())
    assert "PatientName" in warning
    assert "Jane" not in warning


def test_a_server_may_refuse_them(upload):
    with pytest.raises(ImageError, match=r"who the patient is \(PatientName\): send de-identified"):
        admit(upload, Settings(identities=IdentityPolicy.REFUSE))


def test_a_server_may_take_the_identity_away(upload):
    before = read_image(upload)
    assert admit(upload, Settings(identities=IdentityPolicy.REMOVE)) == []
    assert b"Jane" not in upload.read_bytes()
    assert read_image(upload).grid.same_as(before.grid)
    assert admit(upload, Settings(identities=IdentityPolicy.REFUSE)) == []


def test_an_image_of_more_voxels_than_allowed_is_refused(upload):
    with pytest.raises(ImageError, match=r"million voxels and this server takes .*crop it"):
        admit(upload, Settings(max_upload_voxels=1000))
