"""Opacity and threshold of the map over the image."""

from __future__ import annotations

from typing import Any

from CrossLabelLib.session import Session


class OverlaySliders:
    """Two sliders from 0 to 100, in use while a map of their kind is shown.

    Args:
        session: whose map it is.
        opacity, threshold: the sliders.
        kind: ``heatmap`` or ``uncertainty``.
    """

    def __init__(self, session: Session, opacity: Any, threshold: Any, kind: str) -> None:
        self._session = session
        self._opacity = opacity
        self._threshold = threshold
        self._kind = kind
        opacity.setValue(round(100 * session.settings.get("overlay_opacity")))
        threshold.setValue(round(100 * session.settings.get("overlay_threshold")))
        for slider in (opacity, threshold):
            slider.valueChanged.connect(lambda *_: self._style())

    def show(self) -> None:
        shown = self._session.prediction.map
        for slider in (self._opacity, self._threshold):
            slider.setEnabled(shown is not None and shown.kind == self._kind)

    def _style(self) -> None:
        opacity, threshold = (slider.property("value") / 100 for slider in (self._opacity, self._threshold))
        self._session.prediction.style_map(opacity, threshold)
