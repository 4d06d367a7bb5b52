"""Phantoms: images made from a seed, with the labels that belong to them. Nothing in them comes from a patient.

The generator is frozen: committed checkpoints and every benchmark figure refer to one version of it. A change that alters an
image raises :data:`GENERATOR_VERSION`, and then the samples, the checkpoints and the results are all made again.
"""

from __future__ import annotations

GENERATOR_VERSION = 1
