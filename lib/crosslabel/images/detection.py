"""Which modality and MR sequence an image is, and where that is known from."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crosslabel.errors import ImageError
from crosslabel.images.modality import Modality, UnknownModalityError
from crosslabel.images.naming import image_id_of

# Air, at -1,000 Hounsfield units, surrounds the patient in a CT; no other modality is stored so low.
_HOUNSFIELD_MINIMUM = -500
_MODALITY_TOKENS = {
    "ct": Modality.CT,
    "mr": Modality.MR,
    "mri": Modality.MR,
    "pet": Modality.PT,
    "cxr": Modality.XR,
    "xray": Modality.XR,
    "us": Modality.US,
}
_FLAIR = frozenset({"flair", "t2f"})
_T1_ENHANCED = frozenset({"t1c", "t1ce", "t1gd", "t1post", "cet1"})
_T1 = frozenset({"t1", "t1w", "t1n", "mprage"})
_T2 = frozenset({"t2", "t2w", "hrt2"})
_ENHANCEMENT = frozenset({"gd", "gad", "ce", "post", "contrast", "enhanced"})
_NO_AGENT = frozenset({"", "no", "none", "unknown"})


@dataclass(frozen=True)
class Detection:
    """What was found; ``evidence`` says where, such as ``sidecar`` or ``sidecar; sequence: file name``."""

    modality: Modality | None = None
    sequence: str | None = None
    evidence: str = ""

    def overridden(self, modality: Modality | str | None, sequence: str | None) -> Detection:
        """With what the caller says in the place of what was found; a sequence alone means an MR."""
        if modality is None and sequence is None:
            return self
        given = Modality.MR if modality is None else Modality.parse(modality)
        kept = self.sequence if given is self.modality else None
        return Detection(given, sequence or kept, "given")


def detect(path: Path, tags: Mapping[str, str], voxels: np.ndarray | None = None) -> Detection:
    """Modality and sequence by the first source that tells: DICOM header, sidecar, file name, voxel values.

    Args:
        path: of the image; its sidecar is the file of the same name that ends in ``.json``.
        tags: DICOM keywords and text of the image's own header, empty for formats that hold none.
        voxels: values of the image, where they have been read.

    Raises:
        ImageError: a sidecar that is not JSON, or that names an unknown modality.
    """
    sources = [
        ("DICOM header", _from_tags(tags)),
        ("sidecar", _from_sidecar(path)),
        ("file name", _from_words(image_id_of(path))),
        ("voxel values", (_from_voxels(voxels), None)),
    ]
    modality, where = next(((found, name) for name, (found, _) in sources if found is not None), (None, ""))
    if modality is not Modality.MR:
        return Detection(modality, None, where)
    sequence, where_sequence = next(((found, name) for name, (_, found) in sources if found), (None, where))
    return Detection(modality, sequence, where if where_sequence == where else f"{where}; sequence: {where_sequence}")


def _from_tags(tags: Mapping[str, str]) -> tuple[Modality | None, str | None]:
    stated = tags.get("Modality", "")
    try:
        modality = Modality.parse(stated) if stated else None
    except UnknownModalityError:
        modality = Modality.OT
    described = " ".join(tags.get(key, "") for key in ("SeriesDescription", "ProtocolName"))
    sequence = tags.get("Sequence") or _sequence(_words(described))
    if sequence == "T1" and tags.get("ContrastBolusAgent", "").strip().lower() not in _NO_AGENT:
        sequence = "T1c"
    return modality or (Modality.MR if sequence else None), sequence


def _from_sidecar(path: Path) -> tuple[Modality | None, str | None]:
    sidecar = path.with_name(f"{image_id_of(path)}.json")
    if not sidecar.is_file():
        return None, None
    try:
        content = json.loads(sidecar.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ImageError(f"The sidecar '{sidecar.name}' is not valid JSON: mend it or remove it.") from error
    if not isinstance(content, dict):
        return None, None
    return _from_tags({key: value for key, value in content.items() if isinstance(value, str)})


def _from_words(name: str) -> tuple[Modality | None, str | None]:
    words = _words(name)
    sequence = _sequence(words)
    modalities = {_MODALITY_TOKENS[word] for word in words if word in _MODALITY_TOKENS}
    if sequence or _sequences(words):
        modalities.add(Modality.MR)
    return (modalities.pop() if len(modalities) == 1 else None), sequence


def _from_voxels(voxels: np.ndarray | None) -> Modality | None:
    return Modality.CT if voxels is not None and voxels.min() <= _HOUNSFIELD_MINIMUM else None


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z0-9]+", text.lower()))


def _sequence(words: frozenset[str]) -> str | None:
    found = _sequences(words)
    return found.pop() if len(found) == 1 else None


def _sequences(words: frozenset[str]) -> set[str]:
    found = set()
    if words & _FLAIR:
        found.add("FLAIR")
    elif words & _T2:
        found.add("T2")
    if words & _T1_ENHANCED or (words & _T1 and words & _ENHANCEMENT):
        found.add("T1c")
    elif words & _T1:
        found.add("T1")
    return found
