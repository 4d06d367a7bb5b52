"""DICOM that is small as a file and large to parse."""

import io
import struct
import zlib

import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from crosslabel.errors import ImageError
from crosslabel.images import describe_image
from crosslabel.images.dicom_header import read_instance
from crosslabel.images.header_budget import HeaderBudget
from server_process import write_series


def test_elements_without_end_are_given_up_when_the_budget_of_the_study_is_spent():
    element = struct.pack("<HHI", 0x0008, 0x0005, 0)
    content = bytes(128) + b"DICM" + element * 5000
    budget = HeaderBudget("bomb.zip", size=100_000)
    for index in range(2):
        read_instance(budget.metered(io.BytesIO(content)), index, "bomb.zip")
    with pytest.raises(ImageError, match=r"'bomb\.zip' has far more header"):
        read_instance(budget.metered(io.BytesIO(content)), 2, "bomb.zip")


def test_a_data_set_that_is_deflated_as_a_whole_is_not_unpacked(tmp_path):
    path = next(write_series(tmp_path / "series", "MR", slices=1).iterdir())
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(path, write_like_original=False)
    bomb = path.with_name("bomb.dcm")
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    start = path.read_bytes()
    bomb.write_bytes(start[: start.index(b"1.2.840.10008.1.2.1.99") + 22] + packer.compress(bytes(10**8)) + packer.flush())
    for deflated in (path, bomb):
        with pytest.raises(ImageError, match="deflated as a whole"):
            describe_image(deflated)


def test_an_ordinary_series_is_far_within_the_budget(tmp_path):
    assert describe_image(write_series(tmp_path / "series", "MR", slices=20)).shape == (24, 20, 20)
