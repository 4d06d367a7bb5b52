"""Whether a file's axes are left-handed: Slicer's reader turns the last axis of such files round, and labels turn back."""

from __future__ import annotations

import gzip
import re
import struct
from pathlib import Path

import numpy as np

_LONGEST_HEADER = 64 * 1024


def is_left_handed(path: Path) -> bool:
    """By the header of a NIfTI, NRRD or MetaImage file; False for other files and where nothing is said."""
    name = path.name.lower()
    try:
        if name.endswith((".nii", ".nii.gz")):
            return _nifti(_start(path, gzip.open if name.endswith(".gz") else open, 352))
        if name.endswith((".nrrd", ".nhdr")):
            return _nrrd(_start(path, open, _LONGEST_HEADER))
        if name.endswith((".mha", ".mhd")):
            return _meta_image(_start(path, open, _LONGEST_HEADER))
    except (OSError, EOFError, ValueError, struct.error):
        # The reader of the voxels has the word about broken files.
        return False
    return False


def _start(path: Path, opened: type, size: int) -> bytes:
    with opened(path, "rb") as file:
        return file.read(size)


def _nifti(header: bytes) -> bool:
    order = "<" if struct.unpack("<i", header[:4])[0] == 348 else ">"
    sform_code = struct.unpack(f"{order}h", header[254:256])[0]
    if sform_code > 0:
        rows = np.array(struct.unpack(f"{order}12f", header[280:328])).reshape(3, 4)
        return bool(np.linalg.det(rows[:, :3]) < 0)
    # A quaternion is a rotation; the sign before the third axis is all that can turn its hand.
    return struct.unpack(f"{order}f", header[76:80])[0] < 0


def _nrrd(header: bytes) -> bool:
    text = header.split(b"\n\n")[0].split(b"\r\n\r\n")[0].decode("latin-1")
    directions = re.search(r"^space directions:(.*)$", text, re.MULTILINE | re.IGNORECASE)
    vectors = re.findall(r"\(([^)]*)\)", directions.group(1)) if directions else []
    if len(vectors) != 3:
        return False
    matrix = np.array([[float(value) for value in vector.split(",")] for vector in vectors])
    space = re.search(r"^space:\s*(\S+)", text, re.MULTILINE | re.IGNORECASE)
    # Left-posterior-superior, which ITK keeps, and right-anterior-superior have the same hand; one other letter turns it.
    mirrored = {"left-anterior-superior": True, "las": True}.get(space.group(1).lower() if space else "", False)
    return bool(np.linalg.det(matrix) < 0) != mirrored


def _meta_image(header: bytes) -> bool:
    found = re.search(rb"^(?:TransformMatrix|Rotation|Orientation)\s*=([-+0-9.eE \t]*)", header, re.MULTILINE)
    values = [float(value) for value in found.group(1).split()] if found else []
    return len(values) == 9 and bool(np.linalg.det(np.reshape(values, (3, 3))) < 0)
