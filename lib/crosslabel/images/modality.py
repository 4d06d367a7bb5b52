"""The kinds of acquisition that CrossLabel tells apart."""

from __future__ import annotations

from enum import Enum

from crosslabel.errors import ImageError


class UnknownModalityError(ImageError, ValueError):
    """A text that names no modality; also a ValueError, so that pydantic reports it with its field."""


class Modality(str, Enum):
    """Acquisition modality; the values are DICOM's two-letter terms, with all plain radiography as ``XR``."""

    CT = "CT"
    MR = "MR"
    PT = "PT"
    XR = "XR"
    US = "US"
    MG = "MG"
    OT = "OT"

    @classmethod
    def parse(cls, text: str | Modality) -> Modality:
        """The modality that ``text`` names, in any case: a DICOM term (``DX``) or everyday word (``x-ray``).

        Raises:
            UnknownModalityError: where the text names no modality.
        """
        if isinstance(text, Modality):
            return text
        known = _NAMES.get("".join(character for character in str(text).lower() if character.isalnum()))
        if known is None:
            choices = ", ".join(member.value for member in cls)
            raise UnknownModalityError(f"'{text}' is not a modality that CrossLabel knows: use one of {choices}.")
        return known


_NAMES = {
    **{member.value.lower(): member for member in Modality},
    **dict.fromkeys(("cbct", "computedtomography"), Modality.CT),
    **dict.fromkeys(("mri", "nmr", "magneticresonance"), Modality.MR),
    "pet": Modality.PT,
    # Radiography, angiography and fluoroscopy are all X-ray projections.
    **dict.fromkeys(("cr", "dx", "rg", "rf", "xa", "px", "io", "xray", "cxr", "radiograph"), Modality.XR),
    **dict.fromkeys(("ultrasound", "ivus", "sonography"), Modality.US),
    **dict.fromkeys(("mammo", "mammography", "mammogram"), Modality.MG),
    "other": Modality.OT,
}
