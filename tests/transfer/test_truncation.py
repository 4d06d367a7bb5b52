from __future__ import annotations

import pytest

from crosslabel.networks.backbones import CutBlock
from crosslabel.transfer import CutResult, TruncationSearch

BLOCKS = (CutBlock(("a.0", "a")), CutBlock(("b.0", "b.1", "b.2", "b")), CutBlock(("c.0", "c.1", "c")), CutBlock(("d.0", "d")))
ORDER = [layer for block in BLOCKS for layer in block.layers]


def search(metrics: dict[str, float], tolerance: float = 0.0, **settings) -> tuple[str, list[str]]:
    measured = []

    def measure(cut: str) -> CutResult:
        measured.append(cut)
        return CutResult(cut, metrics.get(cut, 0.5), parameters=10 * (1 + ORDER.index(cut)), macs=0, latency_ms=0.0)

    return TruncationSearch(BLOCKS, measure, tolerance, **settings).run().cut, measured


def test_block_ends_are_tried_first_and_then_the_layers_around_the_best():
    best, measured = search({"b": 0.8, "c.0": 0.9})
    assert measured == ["a", "b", "c", "d", "b.0", "b.1", "b.2", "c.0", "c.1"]
    assert best == "c.0"


def test_of_cuts_that_are_equally_good_the_smallest_wins():
    assert search({"a": 0.8, "d": 0.8})[0] == "a"


@pytest.mark.parametrize(("tolerance", "expected"), [(0.0, "c"), (0.05, "b.1")])
def test_a_tolerance_trades_a_little_of_the_metric_for_parameters(tolerance, expected):
    assert search({"c": 0.80, "b": 0.78, "b.1": 0.76}, tolerance)[0] == expected


@pytest.mark.parametrize(("error", "expected"), [(0.0, "c"), (0.03, "b"), (0.05, "b.1")])
def test_without_a_tolerance_the_smallest_within_one_standard_error_of_the_best_wins(error, expected):
    metrics = {"c": 0.80, "b": 0.78, "b.1": 0.76}

    def measure(cut: str) -> CutResult:
        # Only the best one's counts.
        return CutResult(cut, metrics.get(cut, 0.5), 10 * (1 + ORDER.index(cut)), 0, 0.0, error if cut == "c" else 0.5)

    assert TruncationSearch(BLOCKS, measure).run().cut == expected


def test_the_second_stage_tries_no_more_layers_than_asked_and_spreads_them():
    _, measured = search({"b": 0.9}, most_layers=3)
    assert measured[4:] == ["b.0", "b.2", "c.1"]


def test_the_table_is_in_order_of_depth():
    found = TruncationSearch(BLOCKS, lambda cut: CutResult(cut, 0.5, ORDER.index(cut), 0, 0.0))
    found.run()
    assert [ORDER.index(result.cut) for result in found.results] == sorted(ORDER.index(result.cut) for result in found.results)
