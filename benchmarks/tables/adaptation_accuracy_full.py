"""The same with the published networks and lengths."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from benchmarks.adaptation import PUBLISHED
from benchmarks.tables import adaptation_accuracy as narrow

TABLE = replace(
    narrow.TABLE,
    name="adaptation_accuracy_full",
    measure=partial(narrow.measure_at, PUBLISHED),
    note="As adaptation_accuracy with DAR-UNet of widths 16 to 256 for all rows, 25,000 steps and translators of the published "
    "size (200 epochs): for a machine with a GPU, about an hour a cell (--minutes 120).",
)
