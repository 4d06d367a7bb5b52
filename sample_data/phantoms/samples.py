"""The sample studies that the repository carries: what they are called and which seed makes each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from .abdomen import make_case
from .datasets import has_tumour, write_abdomens, write_png
from .head import make_pair

ABDOMENS = {"abdomen_ct_01": 1, "abdomen_ct_02": 2, "abdomen_mr_01": 3, "abdomen_mr_02": 4, "abdomen_mr_03": 5}
HEADS = {"01": 1, "02": 2}
PICTURES = {f"slice_{seed:02d}": seed for seed in range(1, 7)}
LABELLED_MR = (6, 7)


def write_samples(folder: Path, only: str | None = None) -> None:
    """Writes ``studies/`` and ``labelled/`` below ``folder``.

    Args:
        folder: the repository's ``sample_data``, or another.
        only: the name of one sample, such as ``head_t1c_01``; all of them if not given.

    Raises:
        ValueError: no sample has that name.
    """
    writers = dict(_writers(folder))
    if only is not None and only not in writers:
        raise ValueError(f"there is no sample {only!r}: choose one of {', '.join(writers)}.")
    for name in writers if only is None else (only,):
        writers[name]()


def _writers(folder: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    studies = folder / "studies"
    for name, seed in ABDOMENS.items():
        modality = name.split("_")[1].upper()
        yield name, lambda name=name, seed=seed, of=modality: make_case(seed, of).save_image(studies / f"{name}.nii.gz")
    for number, seed in HEADS.items():
        for sequence in ("T1c", "FLAIR"):
            name = f"head_{sequence.lower()}_{number}"
            yield name, lambda name=name, seed=seed, of=sequence: _write_head(seed, of, studies / f"{name}.nii.gz")
    for name, seed in PICTURES.items():
        yield name, lambda name=name, seed=seed: _write_picture(seed, studies / f"{name}.png")
    yield "labelled", lambda: write_abdomens(folder / "labelled" / "abdomen_mr", LABELLED_MR, ("MR",))


def _write_head(seed: int, sequence: str, path: Path) -> None:
    make_pair(seed, tumour=has_tumour(seed))[sequence].save_image(path)


def _write_picture(seed: int, path: Path) -> None:
    write_png(seed, path)
    sidecar = {"Modality": "MR", "SeriesDescription": "T1c", "phantom": {"seed": seed}}
    path.with_suffix(".json").write_text(json.dumps(sidecar, indent=2) + "\n", encoding="utf-8")
