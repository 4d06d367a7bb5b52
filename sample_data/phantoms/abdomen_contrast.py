"""How bright each tissue of the abdomen is in CT and in MR."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .abdomen_anatomy import Tissue

T1 = {
    Tissue.AIR: 0.0, Tissue.FAT: 1.0, Tissue.MUSCLE: 0.27, Tissue.BONE: 0.08, Tissue.MARROW: 0.75, Tissue.LUNG: 0.05,
    Tissue.BLOOD: 0.20, Tissue.LIVER: 0.66, Tissue.SPLEEN: 0.40, Tissue.CORTEX: 0.54, Tissue.MEDULLA: 0.46,
    Tissue.FLUID: 0.12, Tissue.WALL: 0.30, Tissue.CONTENT: 0.20, Tissue.PANCREAS: 0.62, Tissue.TUMOUR: 0.50, Tissue.GAS: 0.0,
}  # fmt: skip
"""Signal of a T1-weighted gradient echo relative to fat: liver above muscle above spleen above fluid."""

T2 = {
    Tissue.AIR: 0.0, Tissue.FAT: 0.80, Tissue.MUSCLE: 0.16, Tissue.BONE: 0.05, Tissue.MARROW: 0.70, Tissue.LUNG: 0.05,
    Tissue.BLOOD: 0.10, Tissue.LIVER: 0.30, Tissue.SPLEEN: 0.47, Tissue.CORTEX: 0.58, Tissue.MEDULLA: 0.66,
    Tissue.FLUID: 1.0, Tissue.WALL: 0.20, Tissue.CONTENT: 0.90, Tissue.PANCREAS: 0.38, Tissue.TUMOUR: 0.44, Tissue.GAS: 0.0,
}  # fmt: skip
"""Signal of a T2-weighted turbo spin echo relative to fluid; bright to dark: fluid, fat, kidney and spleen, liver, muscle."""

MR_SEQUENCES = {"T1": T1, "T2": T2}


def ct_contrast(rng: np.random.Generator) -> np.ndarray:
    """HU of each tissue at a random time after (or without) contrast medium, as a table indexed by tissue."""
    phase = rng.uniform(0, 1)
    hu = {
        Tissue.AIR: -1000, Tissue.FAT: -105, Tissue.MUSCLE: 52 + 12 * phase, Tissue.BONE: 420, Tissue.MARROW: 190,
        Tissue.LUNG: -820, Tissue.BLOOD: 45 + 115 * phase, Tissue.LIVER: 60 + 48 * phase, Tissue.SPLEEN: 50 + 70 * phase,
        Tissue.CORTEX: 38 + 135 * phase, Tissue.MEDULLA: 34 + 100 * phase, Tissue.FLUID: 8,
        Tissue.WALL: 42 + 45 * phase, Tissue.CONTENT: rng.uniform(5, 60), Tissue.PANCREAS: 42 + 55 * phase,
        Tissue.TUMOUR: 35 + 35 * phase, Tissue.GAS: -950,
    }  # fmt: skip
    return _table(hu, lambda tissue, mean: mean + rng.normal(0, 4 if mean > -500 else 0))


def mr_contrast(rng: np.random.Generator) -> tuple[str, np.ndarray]:
    """A sequence, and the signal of each tissue as a table indexed by tissue.

    Echo and repetition times differ between scanners, so the order of tissues that lie close together differs by case.
    """
    sequence = str(rng.choice(list(MR_SEQUENCES)))
    return sequence, _table(MR_SEQUENCES[sequence], lambda _, mean: mean * rng.uniform(0.92, 1.08))


def _table(means: dict[Tissue, float], vary: Callable[[Tissue, float], float]) -> np.ndarray:
    return np.array([vary(tissue, means[tissue]) for tissue in Tissue], np.float32)
