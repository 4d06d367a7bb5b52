"""How bright each tissue of the head is in contrast-enhanced T1 and in FLAIR."""

from __future__ import annotations

import numpy as np

from .head_anatomy import Tissue

T1C = {
    Tissue.AIR: 0.0, Tissue.FAT: 0.92, Tissue.MUSCLE: 0.40, Tissue.BONE: 0.06, Tissue.MARROW: 0.45, Tissue.EYE: 0.16,
    Tissue.CSF: 0.14, Tissue.GREY: 0.42, Tissue.WHITE: 0.55, Tissue.VESSEL: 0.92, Tissue.SINUS: 1.0, Tissue.PLEXUS: 0.85,
    Tissue.LESION: 0.49, Tissue.OEDEMA: 0.42, Tissue.RIM: 0.92, Tissue.NECROSIS: 0.24,
}  # fmt: skip
"""Signal relative to an enhanced venous sinus: what takes up contrast and fat are bright, fluid is dark."""

FLAIR = {
    Tissue.AIR: 0.0, Tissue.FAT: 0.66, Tissue.MUSCLE: 0.30, Tissue.BONE: 0.05, Tissue.MARROW: 0.30, Tissue.EYE: 0.10,
    Tissue.CSF: 0.10, Tissue.GREY: 0.56, Tissue.WHITE: 0.46, Tissue.VESSEL: 0.14, Tissue.SINUS: 0.16, Tissue.PLEXUS: 0.50,
    Tissue.LESION: 0.86, Tissue.OEDEMA: 0.92, Tissue.RIM: 0.76, Tissue.NECROSIS: 0.52,
}  # fmt: skip
"""Signal relative to the brightest oedema: free fluid is suppressed, flowing blood is void, bound water is bright."""

SEQUENCES = {"T1c": T1C, "FLAIR": FLAIR}


def contrast(sequence: str, rng: np.random.Generator) -> np.ndarray:
    """Signal of each tissue as a table indexed by tissue; another scanner each time, so every tissue varies a little."""
    means = SEQUENCES[sequence]
    return np.array([means[tissue] * rng.uniform(0.94, 1.06) for tissue in Tissue], np.float32)
