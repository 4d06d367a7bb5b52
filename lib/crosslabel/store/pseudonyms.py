"""Which images belong to one patient and one examination, without keeping who that is."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from itertools import islice
from pathlib import Path, PurePosixPath

import pydicom
from pydicom.errors import InvalidDicomError

from crosslabel.images.naming import image_id_of, starts_as_dicom

_FILES_TRIED = 8
_ACQUISITIONS = frozenset(
    [
        "ct",
        "cbct",
        "mr",
        "mri",
        "pet",
        "pt",
        "us",
        "xr",
        "cxr",
        "xray",
        "mg",
        "t1",
        "t1w",
        "t1n",
        "t1c",
        "t1ce",
        "t1gd",
        "t2",
        "t2w",
        "t2f",
        "flair",
        "dwi",
        "adc",
        "swi",
        "pd",
        "bold",
    ]
)
_NAMES_A_PATIENT = re.compile(r"^(?:sub|subject|pat|patient|case|p)[-_ ]?[A-Za-z]*\d", re.IGNORECASE)


class Pseudonyms:
    """Keyed hashes: without the folder's key nobody finds a patient's number by trying all of them.

    Args:
        key: secret of one studies folder; the same person has another pseudonym in another folder.
    """

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    def of(self, path: Path, image_id: str) -> tuple[str, str]:
        """Pseudonyms of the patient and of the examination.

        The DICOM header tells both, or a sidecar's ``PatientID`` and ``StudyInstanceUID``. Otherwise the patient is the
        part of the path that looks like one (``sub-01/``, ``patient7_t1``, ``p003_ct``), which may join two patients and
        then only keeps them on one side of a split; the examination is the folder.

        Args:
            path: of the file or DICOM folder.
            image_id: its path within the studies folder, without suffix.
        """
        stated = _dicom_ids(path) or _sidecar_ids(path)
        patient = stated.get("PatientID") or patient_in_name(image_id)
        folder = str(PurePosixPath(image_id).parent)
        study = stated.get("StudyInstanceUID") or f"{patient}/{folder}"
        return self._hash("patient", patient), self._hash("study", study)

    def _hash(self, kind: str, text: str) -> str:
        return hmac.new(self._key, f"{kind}:{text}".encode(), hashlib.sha256).hexdigest()[:16]


def patient_in_name(image_id: str) -> str:
    """The part of an id that names a patient: the same for ``p3/ct``, ``p3/mr``, and for ``p3_t1``, ``p3_t2``."""
    parts = image_id.split("/")
    named = next((part for part in parts if _NAMES_A_PATIENT.match(part)), None)
    numbered = next((part for part in parts if any(map(str.isdigit, part))), None)
    return _up_to_number(named or numbered or image_id)


def _up_to_number(name: str) -> str:
    words = [word for word in re.split(r"[_\-. ]+", name) if word.lower() not in _ACQUISITIONS]
    numbered = next((index for index, word in enumerate(words) if any(map(str.isdigit, word))), None)
    return name if numbered is None else "_".join(words[: numbered + 1]).lower()


def _dicom_ids(path: Path) -> Mapping[str, str]:
    files = [path]
    if path.is_dir():
        files = sorted(child for child in path.iterdir() if child.is_file() and not child.name.startswith("."))
    for file in islice(files, _FILES_TRIED):
        if starts_as_dicom(file):
            return _header_ids(file)
    return {}


def _header_ids(file: Path) -> Mapping[str, str]:
    wanted = ["PatientID", "StudyInstanceUID"]
    try:
        header = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=wanted)
        return {keyword: str(header.get(keyword) or "").strip() for keyword in wanted}
    except (InvalidDicomError, OSError, EOFError, ValueError, TypeError, AttributeError, KeyError, NotImplementedError):
        return {}


def _sidecar_ids(path: Path) -> Mapping[str, str]:
    sidecar = path.with_name(f"{image_id_of(path)}.json")
    try:
        content = json.loads(sidecar.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {key: value for key, value in content.items() if isinstance(value, str)} if isinstance(content, dict) else {}
