"""The style bank: how the target domain can look, as clusters of the style codes of its slices."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from crosslabel.adaptation.image_level.translation.slices import Entry, SliceFolder
from crosslabel.files import replacing
from crosslabel.networks import Translator

_BATCH = 16


@dataclass(frozen=True, eq=False)
class StyleBank:
    """Style codes of target slices and the cluster of each.

    Attributes:
        codes: (slices, style_size), float32.
        clusters: (slices,), from 0; every cluster has a member.
        centres: (clusters,), the index of the slice that lies nearest to the centre of each cluster.
    """

    codes: np.ndarray
    clusters: np.ndarray
    centres: np.ndarray

    @property
    def count(self) -> int:
        """Number of clusters: of styles in which each source volume is seen."""
        return len(self.centres)

    def draw(self, volume: str, style: int, seed: int) -> Tensor:
        """The code (1, style_size) of a member of a cluster, drawn for a volume: the same in every run with the seed."""
        members = np.flatnonzero(self.clusters == style)
        rng = np.random.default_rng([seed, id_number(volume), style])
        return torch.from_numpy(self.codes[[int(rng.choice(members))]])

    def write(self, path: Path) -> None:
        """One .npz file, which appears whole or not at all."""
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **asdict(self))

    @classmethod
    def read(cls, path: Path) -> StyleBank:
        """What :meth:`write` wrote."""
        with np.load(path) as content:
            return cls(content["codes"], content["clusters"], content["centres"])


def build_style_bank(translator: Translator, target: SliceFolder, clusters: int, seed: int, device: torch.device) -> StyleBank:
    """Cluster the codes of the target's slices by k-means (Yao et al. 2022: 6 clusters, without the outer thirds' edges).

    Args:
        translator: in evaluation mode, on the device.
        target: slices of the target domain.
        clusters: at most; fewer where there are fewer distinct codes.
        seed: of k-means.
        device: where the translator is.
    """
    codes = np.concatenate([code for entry in target.entries for code in _codes(translator, target, entry, device)])
    wanted = min(clusters, len(np.unique(codes.round(6), axis=0))) if codes.shape[1] else 1
    if wanted == 1:
        return StyleBank(codes, np.zeros(len(codes), int), np.array([len(codes) // 2]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        means = KMeans(wanted, n_init=10, random_state=seed % 2**32).fit(codes)
    return StyleBank(codes, means.labels_.astype(int), means.transform(codes).argmin(axis=0))


def id_number(id: str) -> int:
    """A number for an id, the same on every machine and in every run."""
    return int.from_bytes(hashlib.sha256(id.encode()).digest()[:6], "big")


@torch.inference_mode()
def _codes(translator: Translator, target: SliceFolder, entry: Entry, device: torch.device) -> Iterator[np.ndarray]:
    for batch in target.middle(entry).split(_BATCH):
        yield translator.target_style(batch.to(device)).float().cpu().numpy()
