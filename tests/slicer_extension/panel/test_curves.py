"""Loss and metric curves as pictures."""

from __future__ import annotations

import math

import pytest
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QLabel


@pytest.fixture
def curves(app):
    from CrossLabelLib.panel import curves

    return curves


def pixels_of(picture: QImage, color: str) -> list[tuple[int, int]]:
    wanted = QColor(color).rgb()
    image = picture.toImage()
    return [(x, y) for y in range(image.height()) for x in range(image.width()) if image.pixel(x, y) == wanted]


def test_a_falling_loss_is_drawn_from_the_upper_left_to_the_lower_right(curves):
    picture = curves.draw({"loss": [(0, 3.0), (10, 1.0), (20, 0.5)]}, "Loss", 300, 150)
    points = pixels_of(picture, curves.COLORS[0])
    plot = [(x, y) for x, y in points if y > 24]
    left, right = min(plot), max(plot)
    assert left[0] < 60
    assert right[0] > 270
    assert left[1] < right[1] - 80


def test_a_metric_of_one_label_is_part_of_the_metric_of_all(curves):
    points = [(0, 1.0)]
    names = ("dice", "dice liver", "balanced accuracy", "accuracy", "sensitivity COVID")
    kept = curves.overall(dict.fromkeys(names, points))
    assert list(kept) == ["dice", "balanced accuracy", "accuracy", "sensitivity COVID"]


def test_every_curve_has_its_own_colour_and_its_name_in_it(curves):
    picture = curves.draw({"a": [(0, 1), (1, 2)], "b": [(0, 2), (1, 1)]}, "Loss", 300, 150)
    for color in curves.COLORS[:2]:
        assert [y for _, y in pixels_of(picture, color) if y < 20], "no name in the legend"
        assert [y for _, y in pixels_of(picture, color) if y > 24], "no line"


def test_a_value_that_is_none_leaves_a_gap(curves):
    whole = curves.draw({"a": [(0, 1.0), (1, 1.0), (2, 1.0), (3, 1.0), (4, 1.0)]}, "", 400, 150)
    broken = curves.draw({"a": [(0, 1.0), (1, 1.0), (2, math.nan), (3, 1.0), (4, 1.0)]}, "", 400, 150)

    def columns(picture):
        return {x for x, y in pixels_of(picture, curves.COLORS[0]) if y > 24}

    gap = columns(whole) - columns(broken)
    assert len(gap) > 150
    assert curves.axes_of({"a": [(0, 1.0), (1, math.nan)]}) == curves.axes_of({"a": [(0, 1.0)]})


def test_nothing_is_shown_before_there_is_a_point(curves):
    label = QLabel("curve")
    curves.show(label, {"loss": []}, "Loss")
    assert label.isHidden()
    curves.show(label, {"loss": [(0, 1.0)]}, "Loss")
    assert not label.isHidden()
    assert label.pixmap().width() > 0


@pytest.mark.parametrize("points", [[(0, 1.0)], [(0, 0.0), (1, 0.0)], [(5, -2.0), (5, -2.0)], [(0, math.inf), (1, 2.0)]])
def test_curves_without_extent_are_drawn(curves, points):
    assert pixels_of(curves.draw({"a": points}, "Loss", 300, 150), curves.COLORS[0])
