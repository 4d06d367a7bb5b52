"""Rounds of pseudo-labels on disk, so that memory does not grow with the number of images and a killed run finds them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from crosslabel.adaptation.self_training.pseudo_labels import PseudoLabel
from crosslabel.files import replacing, write_json

_DONE = "round.json"


class PseudoLabelRounds:
    """Pseudo-labels of the target images, made anew in every round; only the last round's files are kept.

    A round depends on the teacher alone, so one that was interrupted is made again from the teacher at its start and is the
    same.

    Args:
        folder: holds ``NN/IMAGE.npz`` of the last round and ``NN/round.json`` with the statistics of every round.
        ids: of the images.
        names: of the structures.
    """

    def __init__(self, folder: Path, ids: Sequence[str], names: Sequence[str]) -> None:
        self.folder = folder
        self.ids = tuple(ids)
        self.names = tuple(names)

    def is_made(self, number: int) -> bool:
        """Whether a round is complete."""
        return (self._round(number) / _DONE).is_file()

    def make(self, number: int, predict: Callable[[int], PseudoLabel], mine: Iterable[int]) -> None:
        """Write this process's share of a round.

        Args:
            number: of the round, from 0.
            predict: gives the pseudo-label of the image at an index of ``ids``.
            mine: indices of the images that this process predicts.
        """
        for index in mine:
            made = predict(index)
            with replacing(self._file(number, index)) as temporary:
                np.savez_compressed(temporary, label=made.label, keep=np.packbits(made.keep))
            said = {"predicted": made.predicted, "kept": made.kept, "implausible": list(made.implausible)}
            write_json(self._file(number, index).with_suffix(".json"), said)

    def finish(self, number: int) -> None:
        """Close a round that all processes have written, and drop the images of earlier ones."""
        cases = {
            id: json.loads(self._file(number, index).with_suffix(".json").read_text()) for index, id in enumerate(self.ids)
        }
        write_json(self._round(number) / _DONE, {"round": number, "cases": cases, "labels": self._by_label(cases)})
        for file in self.folder.glob("[0-9]*/*.npz"):
            if file.parent != self._round(number):
                file.unlink(missing_ok=True)

    def read(self, number: int, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Label (indices, uint8) and believed voxels (booleans) of one image, both (\\*spatial)."""
        with np.load(self._file(number, index)) as stored:
            label = stored["label"]
            keep = np.unpackbits(stored["keep"], count=label.size).reshape(label.shape).astype(bool)
        return label, keep

    def useful(self, number: int) -> list[int]:
        """Indices of the images that have something to believe in a round."""
        cases = json.loads((self._round(number) / _DONE).read_text(encoding="utf-8"))["cases"]
        return [
            index
            for index, said in enumerate(cases[id] for id in self.ids)
            if not said["implausible"] or any(said["kept"].values())
        ]

    def statistics(self) -> list[dict[str, Any]]:
        """What was kept in every round so far, by label and by case; a label that was never predicted has no share."""
        return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(self.folder.glob(f"[0-9]*/{_DONE}"))]

    def _by_label(self, cases: dict[str, Any]) -> dict[str, Any]:
        def total(what: str, name: str) -> int:
            return sum(case[what][name] for case in cases.values())

        return {
            name: {
                "share_kept": round(total("kept", name) / predicted, 4) if (predicted := total("predicted", name)) else None,
                "implausible_in": sum(name in case["implausible"] for case in cases.values()),
            }
            for name in self.names
        }

    def _round(self, number: int) -> Path:
        return self.folder / f"{number:02d}"

    def _file(self, number: int, index: int) -> Path:
        # Numbered, because ids may hold what file systems do not allow.
        return self._round(number) / f"{index:05d}.npz"
