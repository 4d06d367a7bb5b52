"""Cases listed in a CSV or JSON file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from crosslabel.data.cases import Case
from crosslabel.data.spreadsheets import read_table
from crosslabel.data.value_names import names_in, names_of_labels, names_of_values
from crosslabel.errors import CrossLabelError, DataError
from crosslabel.images import Modality, image_id_of

LIST_SUFFIXES = (".csv", ".json")


def listed_cases(path: Path, *, own_values: bool = False) -> list[Case]:
    """Cases of a list; their label files may be left out.

    A CSV has the columns ``image`` and ``label`` and may have ``id``, ``patient``, ``modality`` and ``sequence``. A JSON file
    holds a list of objects with the same keys, or an object with such a list under ``training`` (MONAI's data lists). Paths
    are relative to the list. What the label values mean is said by ``labels`` beside ``training``, else by the
    ``dataset.json`` of the data set that a label lies in, else by one beside the list.

    Args:
        path: the list.
        own_values: the label files hold the task's own values.

    Raises:
        DataError: the list cannot be read, a line lacks its image, a file does not exist, two cases have one id, or what names
            the label values cannot be read.
    """
    rows, stated = (read_table(path), None) if path.suffix == ".csv" else _json_rows(path)
    cases = _with_names([_case(path, number, row, own_values) for number, row in rows], path, stated)
    if repeated := next((id for id, times in Counter(case.id for case in cases).items() if times > 1), None):
        raise DataError(f"{path.name}: two cases are called '{repeated}'; give each its own id in a column 'id'.")
    return sorted(cases, key=lambda case: case.id)


def _json_rows(path: Path) -> tuple[list[tuple[str, Mapping[str, Any]]], dict[int, str] | None]:
    """The entries with their places, and what the file says of the label values."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path.name} is not valid JSON; correct it.") from error
    rows = content.get("training") if isinstance(content, dict) else content
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{path.name}: a list of objects with 'image' and 'label' is expected, alone or under 'training'.")
    return [(f"{path.name}, entry {number}", row) for number, row in enumerate(rows, start=1)], names_in(content, path.name)


def _with_names(cases: list[Case], path: Path, stated: dict[int, str] | None) -> list[Case]:
    """The cases of a list, each with what its label values mean."""
    folders = {case.label.parent for case in cases if isinstance(case.label, Path)}
    names = {folder: stated or names_of_labels(folder) or names_of_values(path.parent) for folder in folders}
    return [replace(case, value_names=names[case.label.parent]) if isinstance(case.label, Path) else case for case in cases]


def _case(path: Path, place: str, row: Mapping[str, Any], own_values: bool) -> Case:
    if not row.get("image"):
        raise DataError(f"{place}: the image is missing; give its path under 'image'.")
    image = path.parent / str(row["image"])
    label = path.parent / str(row["label"]) if row.get("label") else None
    for file in (image, label):
        if file is not None and not file.exists():
            raise DataError(f"{place}: '{file.name}' does not exist; paths are relative to the list.")
    try:
        modality = Modality.parse(row["modality"]) if row.get("modality") else None
    except (CrossLabelError, ValueError) as error:
        raise DataError(f"{place}: {error}") from error
    return Case(
        str(row.get("id") or image_id_of(image)),
        image,
        label,
        modality=modality,
        sequence=str(row["sequence"]) if row.get("sequence") else None,
        own_values=own_values,
        patient=str(row["patient"]) if row.get("patient") else None,
    )
