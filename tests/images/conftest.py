"""DICOM files made for the tests."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"


def save_dicom(path, pixels, *, series="1.2.3", sop_class=SECONDARY_CAPTURE, **elements):
    """Writes (rows, columns[, 3]) integers, or (frames, rows, columns) where NumberOfFrames is given."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.is_little_endian, dataset.is_implicit_VR = True, False
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2", series
    dataset.PatientName = "Doe^Jane"
    frames = "NumberOfFrames" in elements
    colour = pixels.ndim == 3 and not frames
    dataset.Rows, dataset.Columns = pixels.shape[1:] if frames else pixels.shape[:2]
    dataset.SamplesPerPixel = 3 if colour else 1
    dataset.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        dataset.PlanarConfiguration = 0
    bits = pixels.dtype.itemsize * 8
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit, dataset.PixelRepresentation = bits - 1, int(pixels.dtype.kind == "i")
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    dataset.PixelData = np.ascontiguousarray(pixels).tobytes()
    dataset.save_as(path, write_like_original=False)
    return path


def save_ct_series(folder, positions, *, series="1.2.3", orientation=(1, 0, 0, 0, 1, 0), **elements):
    """Writes one 5 x 7 slice per LPS position under shuffled names; slice n stores n * 100 + pixel number."""
    Path(folder).mkdir(exist_ok=True)
    names = np.random.default_rng(0).permutation(len(positions))
    for number, position in enumerate(positions):
        stored = (number * 100 + np.arange(35).reshape(5, 7)).astype(np.int16)
        given = {
            "Modality": "CT",
            "SeriesDescription": "abdomen",
            "ImagePositionPatient": [float(value) for value in position],
            "ImageOrientationPatient": [float(value) for value in orientation],
            "PixelSpacing": [0.5, 0.8],
            "SliceThickness": 2.5,
            "RescaleSlope": 1,
            "RescaleIntercept": -1024,
            "InstanceNumber": number + 1,
            **elements,
        }
        save_dicom(Path(folder) / f"{series}-{names[number]:03d}", stored, series=series, sop_class=CT_IMAGE, **given)
    return Path(folder)


@pytest.fixture
def dicom_file():
    return save_dicom


@pytest.fixture
def ct_series():
    return save_ct_series
