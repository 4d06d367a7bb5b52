"""Class labels as DICOM structured reports (Basic Text SR), one for each label, as archives keep findings."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from datetime import timezone
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import BasicTextSRStorage, ExplicitVRLittleEndian, generate_uid

from crosslabel.files import replacing
from crosslabel.images.dicom_source import opened_source
from crosslabel.store.class_labels import ClassRow, class_rows
from crosslabel.store.store import Store
from crosslabel.tasks import TaskSpec

_TITLE = ("18748-4", "LN", "Diagnostic imaging report")
_OBSERVER = ("121008", "DCM", "Person Observer Name")
_FINDING = ("121071", "DCM", "Finding")
_COMMENT = ("121106", "DCM", "Comment")
_CERTAINTY = ("121073", "DCM", "Impression")
_OWN_SCHEME = "99CROSSLABEL"
_LONGEST_CODE = 16
_COPIED = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate", "StudyTime",
           "AccessionNumber", "ReferringPhysicianName", "StudyID")  # fmt: skip


def export_reports(store: Store, task: TaskSpec, folder: Path) -> int:
    """Write a report for every current class label below ``folder``, at the place of its image's id; gives their number.

    Exported again, a version of a label has the same UIDs, so that an archive knows it. A report of a DICOM image carries its
    patient and study and refers to its instances; that of another image carries the store's pseudonym of the patient. A class
    is coded in a private scheme by its name, or where that is longer than a code may be, by the beginning of its digest.
    """
    rows = class_rows(store, task)
    for row in rows:
        name = row.image.id + ("" if row.slice is None else f"_slice-{row.slice}") + ".dcm"
        with replacing(folder / name) as temporary:
            _report(task, row).save_as(temporary, write_like_original=False)
    return len(rows)


def _report(task: TaskSpec, row: ClassRow) -> FileDataset:
    of_image = [row.image.patient, row.image.id]
    of_series = [*of_image, task.name, str(row.slice)]
    of_version = [*of_series, str(row.label.version), row.label.author, row.label.created.isoformat()]
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = BasicTextSRStorage, _uid("report", of_version)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    report = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    report.is_little_endian, report.is_implicit_VR = True, False
    report.SpecificCharacterSet = "ISO_IR 192"
    report.SOPClassUID, report.SOPInstanceUID = BasicTextSRStorage, meta.MediaStorageSOPInstanceUID
    source = _instances(row.image.path)
    for keyword in _COPIED:
        setattr(report, keyword, source[0].get(keyword, "") if source else "")
    if not source:
        report.PatientID, report.StudyInstanceUID = row.image.patient, _uid("study", of_image)
    report.Modality, report.Manufacturer = "SR", "CrossLabel"
    report.SeriesInstanceUID, report.SeriesNumber, report.InstanceNumber = _uid("series", of_series), 1, row.label.version
    report.ReferencedPerformedProcedureStepSequence = []
    report.PerformedProcedureCodeSequence = []
    created = row.label.created.astimezone(timezone.utc)
    report.TimezoneOffsetFromUTC = "+0000"
    report.ContentDate, report.ContentTime = created.strftime("%Y%m%d"), created.strftime("%H%M%S")
    report.CompletionFlag, report.VerificationFlag = "COMPLETE", "UNVERIFIED"
    if source:
        report.CurrentRequestedProcedureEvidenceSequence = [_evidence(source)]
    report.ValueType, report.ContinuityOfContent = "CONTAINER", "SEPARATE"
    report.ConceptNameCodeSequence = [_code(*_TITLE)]
    report.ContentSequence = list(_content(task, row))
    return report


def _content(task: TaskSpec, row: ClassRow) -> list[Dataset]:
    observer = _item("HAS OBS CONTEXT", "PNAME", _OBSERVER)
    observer.PersonName = row.label.author
    finding = _item("CONTAINS", "CODE", _FINDING)
    name = str(row.label.class_name)
    finding.ConceptCodeSequence = [_code(_value_of(name), _OWN_SCHEME, name[:64])]
    sentence = f"{task.title}: {name}"
    sentence += "" if row.slice is None else f" (slice {row.slice}, counted from 0 along the last axis)"
    items = [observer, finding, _text(_CERTAINTY, sentence)]
    sure = row.label.params.get("sure")
    if sure is not None:
        items.append(_text(_COMMENT, "The author is sure." if sure else "The author is not sure."))
    if row.label.comment:
        items.append(_text(_COMMENT, row.label.comment))
    return items


def _uid(what: str, of: Sequence[str]) -> str:
    """The same for the same."""
    return generate_uid(entropy_srcs=[_OWN_SCHEME, what, *of])


def _value_of(class_name: str) -> str:
    """A code value, which holds 16 characters at most."""
    return class_name if len(class_name) <= _LONGEST_CODE else hashlib.sha256(class_name.encode()).hexdigest()[:_LONGEST_CODE]


def _text(concept: tuple[str, str, str], value: str) -> Dataset:
    item = _item("CONTAINS", "TEXT", concept)
    item.TextValue = value
    return item


def _item(relation: str, kind: str, concept: tuple[str, str, str]) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = relation, kind
    item.ConceptNameCodeSequence = [_code(*concept)]
    return item


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def _evidence(instances: list[Dataset]) -> Dataset:
    study, series = Dataset(), Dataset()
    series.SeriesInstanceUID = instances[0].SeriesInstanceUID
    series.ReferencedSOPSequence = [_reference(instance) for instance in instances]
    study.StudyInstanceUID, study.ReferencedSeriesSequence = instances[0].StudyInstanceUID, [series]
    return study


def _reference(instance: Dataset) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = instance.SOPClassUID, instance.SOPInstanceUID
    return reference


def _instances(path: Path) -> list[Dataset]:
    """Headers of a DICOM image's instances; none of an image in another format."""
    found = []
    with opened_source(path) as source:
        for index in range(len(source)):
            with source.open(index) as stream, contextlib.suppress(InvalidDicomError):
                found.append(pydicom.dcmread(stream, stop_before_pixels=True))
    return [one for one in found if "SOPInstanceUID" in one and "StudyInstanceUID" in one and "SeriesInstanceUID" in one]
