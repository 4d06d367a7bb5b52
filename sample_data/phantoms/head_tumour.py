"""A brain tumour: oedema around a core that is necrotic within an enhancing rim."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas
from .fields import SmoothField
from .head_anatomy import LABELS, PARENCHYMA, Head, Tissue
from .shapes import Ellipsoid


class Tumour:
    """One glioma-like mass in one cerebral hemisphere, drawn from ``rng`` when made."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.seed = int(rng.integers(2**31))
        self.side = int(rng.choice((-1, 1)))
        centre = (self.side * rng.uniform(24, 38), rng.uniform(-38, 40), rng.uniform(-8, 28))
        core = rng.uniform(6, 15)
        self.core = Ellipsoid(centre, tuple(core * rng.uniform(0.8, 1.2, 3)), tuple(rng.uniform(-40, 40, 3)))
        reach = core + rng.uniform(3, 13)
        shift = np.array(centre) + rng.uniform(-3, 3, 3)
        self.oedema = Ellipsoid(tuple(shift), tuple(reach * rng.uniform(0.85, 1.2, 3)), tuple(rng.uniform(-40, 40, 3)))
        self.rim = rng.uniform(2.6, 4.2) / core

    def paint(self, canvas: Canvas, head: Head, world: np.ndarray, centre: np.ndarray) -> None:
        """Replaces what ``head`` has there; the whole of it is labelled.

        Args:
            canvas: painted by ``head``.
            head: the patient.
            world: (3, I, J, K) RAS+ in mm, as given to ``head``.
            centre: where the brain's middle lies, as given to ``head``.
        """
        points = head.body_frame(world, centre)
        rng = np.random.default_rng(self.seed)
        near = self.oedema(points) < 2
        local = points[:, near]
        lobes, frayed = SmoothField(rng, 16.0)(local), SmoothField(rng, 8.0)(local)
        # A mass closes the sulci it lies in, but neither breaks into the ventricles nor crosses the falx.
        tissue = canvas.tissue[near]
        room = np.isin(tissue, (*PARENCHYMA, Tissue.CSF, Tissue.VESSEL)) & (head.depth(local) > 1.5)
        room &= ~self._fluid_spaces(head, local) & (local[0] * self.side > 2.5)
        core = self.core(local) * (1 + 0.22 * lobes)
        spread = self.oedema(local) * (1 + 0.22 * lobes + 0.14 * frayed)
        # Oedema follows white matter and largely spares the cortex.
        spread = np.where(tissue == Tissue.GREY, spread + 0.18, spread)
        mass = np.full(tissue.shape, -1, np.int16)
        mass[spread < 1] = Tissue.OEDEMA
        mass[core < 1] = Tissue.RIM
        mass[core + 0.4 * frayed * self.rim < 1 - self.rim] = Tissue.NECROSIS
        for kind in (Tissue.OEDEMA, Tissue.RIM, Tissue.NECROSIS):
            mask = np.zeros_like(near)
            mask[near] = room & (mass == kind)
            canvas.paint(mask, kind, LABELS["whole tumour"])

    @staticmethod
    def _fluid_spaces(head: Head, points: np.ndarray) -> np.ndarray:
        spaces = (*head.ventricles, head.third_ventricle, head.fourth_ventricle)
        return np.min([space(points) for space in spaces], axis=0) < 1.1
