"""DICOM files that name a person: finding them, and copies that name nobody."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID_dictionary, generate_uid

from crosslabel.errors import ImageError
from crosslabel.files import replacing
from crosslabel.images.dicom_header import DAMAGE
from crosslabel.images.dicom_source import opened_source
from crosslabel.images.reading import describe_image

# What identifies directly (PS3.15 table E.1-1), as far as it stands in ordinary exports.
_IDENTIFYING = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientAddress",
    "PatientTelephoneNumbers",
    "PatientMotherBirthName",
    "OtherPatientIDs",
    "OtherPatientNames",
    "AccessionNumber",
    "InstitutionName",
    "InstitutionAddress",
    "ReferringPhysicianName",
    "PerformingPhysicianName",
    "PhysiciansOfRecord",
    "OperatorsName",
)
# Beside group 0028, which describes the pixels: what an image needs to lie in its place and be told for what it is.
_KEPT = frozenset(
    {
        "SOPClassUID",
        "SOPInstanceUID",
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "FrameOfReferenceUID",
        "Modality",
        "ImageType",
        "InstanceNumber",
        "AcquisitionNumber",
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "SliceThickness",
        "SpacingBetweenSlices",
        "SliceLocation",
        "PatientPosition",
        "ImagerPixelSpacing",
        "EchoTime",
        "RepetitionTime",
        "InversionTime",
        "MagneticFieldStrength",
        "KVP",
        "Units",
        "SharedFunctionalGroupsSequence",
        "PerFrameFunctionalGroupsSequence",
        "PlanePositionSequence",
        "PlaneOrientationSequence",
        "PixelMeasuresSequence",
        "PixelValueTransformationSequence",
        "FrameVOILUTSequence",
        "PixelData",
    }
)
_CHECKED = (*_IDENTIFYING, "PatientIdentityRemoved")
_PIXEL_GROUP = 0x0028
_MARK_END = 132
_METHOD = "CrossLabel: only geometry, pixels, modality and sequence kept"


def identifying_tags(path: Path) -> list[str]:
    """Keywords of the tags that say who the patient is, in any file of a DICOM file, folder or zip; no values.

    A file that says that its identity was removed (0012,0062) is believed.

    Raises:
        ImageError: damaged DICOM.
    """
    found: set[str] = set()
    for dataset in _datasets(path, pixels=False):
        if dataset.get("PatientIdentityRemoved") != "YES":
            found.update(keyword for keyword in _IDENTIFYING if str(dataset.get(keyword) or "").strip())
    return [keyword for keyword in _IDENTIFYING if keyword in found]


def deidentify(path: Path, target: Path) -> None:
    """Write a copy that keeps pixels, geometry, modality and MR sequence and nothing else.

    UIDs are replaced, the same ones by the same within the copy, so that a series stays one; private tags, dates, free text
    and files without pixels are left out. What is drawn into the pixels stays.

    Args:
        path: DICOM file or zip.
        target: file of the same kind.

    Raises:
        ImageError: damaged DICOM, or pixels that are said to show a name.
    """
    sequence = describe_image(path).sequence
    # Drawn once for this copy: without it nobody can compute the new UIDs from the old ones.
    secret = generate_uid()
    with replacing(target) as temporary:
        if path.suffix.lower() != ".zip":
            for dataset in _datasets(path, pixels=True):
                _anonymous(dataset, sequence, secret, path.name).save_as(temporary, write_like_original=False)
            return
        with zipfile.ZipFile(temporary, "w") as archive:
            for index, dataset in enumerate(_datasets(path, pixels=True)):
                copy = _anonymous(dataset, sequence, secret, path.name)
                with io.BytesIO() as buffer:
                    copy.save_as(buffer, write_like_original=False)
                    archive.writestr(f"{index:06d}.dcm", buffer.getbuffer())


def _datasets(path: Path, *, pixels: bool) -> Iterator[FileDataset]:
    with opened_source(path) as source:
        for index in range(len(source)):
            with source.open(index) as stream:
                try:
                    dataset = _read(stream, pixels)
                except DAMAGE as error:
                    raise ImageError(f"'{path.name}' holds a damaged DICOM file: export the study again.") from error
                if dataset is not None:
                    yield dataset


def _read(stream: BinaryIO, pixels: bool) -> FileDataset | None:
    if stream.read(_MARK_END)[-4:] != b"DICM":
        return None
    stream.seek(0)
    dataset = pydicom.dcmread(stream, stop_before_pixels=not pixels, specific_tags=None if pixels else [*_CHECKED])
    # A report or a DICOMDIR tells much of the patient and is no image.
    return None if pixels and not dataset.get("Rows") else dataset


def _anonymous(dataset: FileDataset, sequence: str | None, secret: str, name: str) -> FileDataset:
    if dataset.get("BurnedInAnnotation") == "YES":
        raise ImageError(f"'{name}' says that a name is drawn into its pixels: mask it before the upload.")
    try:
        kept = _kept(dataset, secret)
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = kept.SOPClassUID, kept.SOPInstanceUID
    except DAMAGE as error:
        raise ImageError(f"'{name}' holds a damaged DICOM file: export the study again.") from error
    copy = FileDataset(name, kept, file_meta=meta, preamble=b"\0" * 128)
    copy.is_little_endian, copy.is_implicit_VR = dataset.is_little_endian, dataset.is_implicit_VR
    copy.PatientName = copy.PatientID = ""
    # The description may hold anything; the sequence that was recognised in it is all that is needed of it.
    copy.SeriesDescription = sequence or ""
    copy.PatientIdentityRemoved, copy.DeidentificationMethod = "YES", _METHOD
    return copy


def _kept(dataset: Dataset, secret: str) -> Dataset:
    kept = Dataset()
    for element in dataset:
        if element.tag.group != _PIXEL_GROUP and element.keyword not in _KEPT:
            continue
        if element.VR == "SQ":
            kept.add_new(element.tag, "SQ", [_kept(item, secret) for item in element.value])
        elif element.VR == "UI" and element.value not in UID_dictionary:
            kept.add_new(element.tag, "UI", generate_uid(entropy_srcs=[secret, str(element.value)]))
        else:
            kept.add(element)
    return kept
