"""What a folder of labelled data looks like, for drafting a task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np

from crosslabel.data.cases import Case
from crosslabel.data.layouts import labelled_cases
from crosslabel.data.spreadsheets import read_table
from crosslabel.errors import DataError
from crosslabel.images import Grid, Modality, read_image, read_label
from crosslabel.tasks import Fingerprint, TaskSpec

# Medians need no more; label values are looked up in every label, because a rare one would be missed.
_IMAGES_READ = 12


def fingerprint_of(folder: Path, modality: Modality | None = None, sequence: str | None = None) -> Fingerprint:
    """Read the geometry, modality and label values or classes of a labelled data set.

    Args:
        folder: in one of the layouts of :func:`~crosslabel.data.labelled_cases`.
        modality: of its images, where they do not say it.
        sequence: likewise, for MR.

    Raises:
        DataError: no labelled image was found, or nothing says the modality.
        ImageError: a file cannot be read.
    """
    classes = _class_names(folder)
    cases = labelled_cases(folder, _stand_in(classes))
    step = max(1, len(cases) // _IMAGES_READ)
    images = [read_image(case.image, modality=modality, sequence=sequence) for case in cases[::step][:_IMAGES_READ]]
    modalities = Counter(image.modality for image in images if image.modality is not None)
    if not modalities:
        raise DataError(f"The images in {folder} do not say of what modality they are; give --modality, for example MR.")
    sequences = {image.sequence for image in images}
    grids = [_in_patient_axes(image.grid) for image in images]
    return Fingerprint(
        modality=modalities.most_common(1)[0][0],
        sequence=sequences.pop() if len(sequences) == 1 else None,
        channels=images[0].channels,
        shape=tuple(int(size) for size in np.median([shape for shape, _ in grids], axis=0)),
        spacing=None if images[0].dimension == 2 else _median_spacing([spacing for _, spacing in grids]),
        label_names={} if classes else _label_names(cases),
        classes=classes,
    )


def _class_names(folder: Path) -> tuple[str, ...]:
    """Class names of a classification data set; none if it is one of label files."""
    if any((folder / name).is_dir() for name in ("labelsTr", "labels")):
        return ()
    table = folder / "labels.csv"
    if table.is_file():
        return tuple(sorted({row["class"] for _, row in read_table(table) if row.get("class")}))
    if not folder.is_dir():
        raise DataError(f"The folder {folder} does not exist; give one that holds labelled images.")
    return tuple(sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")))


def _stand_in(classes: tuple[str, ...]) -> TaskSpec:
    """The least task with which a layout can be read."""
    answers: dict[str, object] = {
        "kind": "segmentation",
        "labels": [{"name": "any", "value": 1, "color": "#ffffff"}],
    }
    if classes:
        if len(classes) < 2:
            raise DataError(f"Only one class folder ('{classes[0]}') was found; a classification needs two or more.")
        answers = {"kind": "classification", "classes": list(classes)}
    return TaskSpec.model_validate(
        {
            "schema": 1,
            "name": "draft",
            "title": "Draft",
            "dimension": 2,
            "domains": {"target": {"name": "any", "modality": "OT", "intensity": {"rule": "percentile"}}},
            "patch": [1, 1],
            "network": {"name": "UNet"},
            **answers,
        }
    )


def _label_names(cases: Sequence[Case]) -> dict[int, str]:
    stated = cases[0].value_names or {}
    found: set[int] = set()
    for case in cases:
        if isinstance(case.label, Path):
            found.update(int(value) for value in np.unique(read_label(case.label)[0]))
    found.discard(0)
    if not found:
        raise DataError("All label files are empty (value 0 only); a task needs at least one labelled structure.")
    return {value: stated.get(value, f"structure {value}") for value in sorted(found)}


def _in_patient_axes(grid: Grid) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Shape and spacing along right, anterior and superior; a picture's as they are."""
    if grid.dimension == 2:
        return grid.shape, grid.spacing
    axes = nib.orientations.io_orientation(grid.affine)[:, 0].astype(int)
    order = np.argsort(axes)
    return tuple(grid.shape[index] for index in order), tuple(grid.spacing[index] for index in order)


def _median_spacing(spacings: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    return tuple(round(float(step), 3) for step in np.median(spacings, axis=0))
