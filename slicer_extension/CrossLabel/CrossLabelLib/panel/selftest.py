"""What ``CrossLabelTest`` checks inside Slicer; it needs no server and leaves the person's settings alone."""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
import qt
import slicer

from CrossLabelLib.background import Background
from CrossLabelLib.client.results import Label
from CrossLabelLib.panel.curves import draw
from CrossLabelLib.panel.panel import Panel
from CrossLabelLib.panel.settings_panel import SettingsPanel
from CrossLabelLib.scene.scene import Scene
from CrossLabelLib.session import Session
from CrossLabelLib.settings import DEFAULTS, Settings

_LABELS = (Label("first", 2, "#e69f00"), Label("empty", 4, "#56b4e9"), Label("second", 7, "#009e73"))


def tests(folder: pathlib.Path) -> list[tuple[str, Callable[[], None]]]:
    """(what is checked, a function that raises AssertionError) pairs, in order.

    Args:
        folder: to work in.
    """
    place = pathlib.Path(tempfile.mkdtemp(prefix="crosslabel-test-", dir=str(folder)))
    return [
        ("CrossLabel: the panel opens, and nothing is sent", lambda: _panel_opens(place)),
        ("CrossLabel: labels come and go by name, voxel for voxel", lambda: _labels_round_trip(place)),
        ("CrossLabel: a map is laid over the image and taken away", lambda: _map(place)),
        ("CrossLabel: curves are drawn", _curves),
        ("CrossLabel: every setting has its place on the page", _settings_page),
    ]


def _panel_opens(place: pathlib.Path) -> None:
    root = slicer.util.loadUI(str(pathlib.Path(__file__).parents[2] / "Resources" / "UI" / "CrossLabel.ui"))
    ui = slicer.util.childWidgetVariables(root)
    background = Background(lambda ms, call: qt.QTimer.singleShot(ms, call))
    panel = Panel(root, ui, Session(Scene(), background, settings=Settings(home=place)))
    try:
        assert panel.session.client is None
        assert not ui.nextButton.isEnabled()
        assert not ui.submitButton.isEnabled()
    finally:
        panel.close()


def _labels_round_trip(place: pathlib.Path) -> None:
    """Values with gaps, an empty structure, and axes that are neither Slicer's nor the file's usual ones."""
    scene = _scene_with_image(place)
    drawn = np.zeros((5, 6, 7), np.uint8)
    drawn[1:3, 2:4, 1:5], drawn[4, :, 6] = 2, 7
    _write(drawn, place / "labels.nrrd", scene.image, "vtkMRMLLabelMapVolumeNode")
    scene.show_labels(place / "labels.nrrd", {label.name: label.value for label in _LABELS}, _LABELS)
    facts = {segment.name: segment.voxels for segment in scene.facts().segments}
    assert facts == {"first": int((drawn == 2).sum()), "empty": 0, "second": int((drawn == 7).sum())}, facts
    scene.export(_LABELS, place / "sent.nrrd")
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
    _read(node, place / "sent.nrrd")
    assert np.array_equal(slicer.util.arrayFromVolume(node), drawn)
    slicer.mrmlScene.RemoveNode(node)
    scene.clear()


def _map(place: pathlib.Path) -> None:
    scene = _scene_with_image(place)
    _write(np.random.default_rng(0).random((5, 6, 7)).astype(np.float32), place / "map.nrrd", scene.image)
    scene.show_map(place / "map.nrrd", "Why", 0.5, 0.3)
    assert scene.overlay is not None
    scene.remove_map()
    assert scene.overlay is None
    scene.clear()


def _curves() -> None:
    picture = draw({"loss": [(0, 2.0), (1, 1.0), (2, 0.5)]}, "Loss", 200, 100)
    assert not picture.isNull()


def _settings_page() -> None:
    page = SettingsPanel()
    hidden = {"strategy", "overlay_opacity", "overlay_threshold"}
    assert set(page.editors) == set(DEFAULTS) - hidden
    page.deleteLater()


def _scene_with_image(place: pathlib.Path) -> Scene:
    image = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    slicer.util.updateVolumeFromArray(image, np.arange(210, dtype=np.int16).reshape(5, 6, 7))
    image.SetSpacing(0.9, 1.1, 3.0)
    image.SetOrigin(10, -20, 30)
    image.SetIJKToRASDirections(0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1)
    _store(image, place / "image.nrrd")
    slicer.mrmlScene.RemoveNode(image)
    scene = Scene()
    scene.load_image(place / "image.nrrd", "image")
    return scene


def _write(array: np.ndarray, path: pathlib.Path, like: Any, kind: str = "vtkMRMLScalarVolumeNode") -> None:
    node = slicer.mrmlScene.AddNewNodeByClass(kind)
    slicer.util.updateVolumeFromArray(node, array)
    node.CopyOrientation(like)
    _store(node, path)
    slicer.mrmlScene.RemoveNode(node)


def _store(node: Any, path: pathlib.Path) -> None:
    storage = slicer.vtkMRMLNRRDStorageNode()
    storage.SetFileName(str(path))
    slicer.mrmlScene.AddNode(storage)
    assert storage.WriteData(node), f"{path} cannot be written"
    slicer.mrmlScene.RemoveNode(storage)


def _read(node: Any, path: pathlib.Path) -> None:
    storage = slicer.vtkMRMLNRRDStorageNode()
    storage.SetFileName(str(path))
    slicer.mrmlScene.AddNode(storage)
    assert storage.ReadData(node), f"{path} cannot be read"
    slicer.mrmlScene.RemoveNode(storage)
