"""Phantoms as labelled data sets on disk, in the layouts that CrossLabel reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image

from .abdomen import make_case
from .abdomen_anatomy import LABELS as ABDOMEN_LABELS
from .case import Case
from .head import make_pair
from .head_anatomy import LABELS as HEAD_LABELS
from .pictures import KINDS, make_picture


def write_abdomens(folder: Path, seeds: Iterable[int], modalities: Sequence[str] = ("CT", "MR")) -> None:
    """Writes abdominal phantoms in the Decathlon layout: ``imagesTr/abdomen_ct_00007.nii.gz`` and so on.

    Args:
        folder: made where it is missing; files of the same name are replaced.
        seeds: one case of each modality for each seed; the CT and the MR show different patients.
        modalities: ``CT``, ``MR`` or both.
    """
    names = []
    for seed in seeds:
        for modality in modalities:
            names.append(f"abdomen_{modality.lower()}_{seed:05d}")
            _write(make_case(seed, modality), folder, names[-1])
    _describe(folder, "Abdominal phantoms", modalities, ABDOMEN_LABELS, names)


def write_heads(folder: Path, seeds: Iterable[int], sequences: Sequence[str] = ("T1c", "FLAIR")) -> None:
    """Writes head phantoms in the Decathlon layout: ``imagesTr/brain_t1c_00007.nii.gz`` and so on.

    Args:
        folder: made where it is missing; files of the same name are replaced.
        seeds: one patient for each seed, all of whose sequences lie on one grid. Each fourth patient has no tumour.
        sequences: ``T1c``, ``FLAIR`` or both.
    """
    names = []
    for seed in seeds:
        pair = make_pair(seed, tumour=has_tumour(seed))
        for sequence in sequences:
            names.append(f"brain_{sequence.lower()}_{seed:05d}")
            _write(pair[sequence], folder, names[-1])
    _describe(folder, "Head phantoms", [f"MR {sequence}" for sequence in sequences], HEAD_LABELS, names)


def write_pictures(folder: Path, seeds: Iterable[int]) -> None:
    """Writes class pictures, one folder for each class: ``glioma_tumor/picture_00008.png`` and so on.

    Args:
        folder: made where it is missing; files of the same name are replaced.
        seeds: one picture for each seed, of the kind :func:`kind_of` gives.
    """
    for seed in seeds:
        write_png(seed, folder / kind_of(seed) / f"picture_{seed:05d}.png")


def has_tumour(seed: int) -> bool:
    """Whether the head of ``seed`` has a tumour: three of four have."""
    return seed % 4 != 0


def kind_of(seed: int) -> str:
    """The kind of picture that ``seed`` gives: all four in turn."""
    return KINDS[seed % len(KINDS)]


def write_png(seed: int, path: Path) -> None:
    """Writes the picture of ``seed`` to ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(make_picture(seed, kind_of(seed))).save(path, optimize=True)


def _write(case: Case, folder: Path, name: str) -> None:
    case.save_image(folder / "imagesTr" / f"{name}.nii.gz")
    case.save_label(folder / "labelsTr" / f"{name}.nii.gz")


def _describe(folder: Path, title: str, channels: Sequence[str], labels: dict[str, int], names: list[str]) -> None:
    said = {
        "name": title,
        "description": "Generated images with their labels; nothing in them comes from a patient.",
        "tensorImageSize": "3D",
        "modality": {"0": " or ".join(channels)},
        "labels": {"0": "background", **{str(value): name for name, value in labels.items()}},
        "numTraining": len(names),
        "numTest": 0,
        "training": [{"image": f"./imagesTr/{name}.nii.gz", "label": f"./labelsTr/{name}.nii.gz"} for name in names],
        "test": [],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset.json").write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
