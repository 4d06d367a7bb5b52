"""What tests of the extension share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from CrossLabelLib.background import Background
from CrossLabelLib.settings import Settings
from event_loop import EventLoop
from stand_in import StandIn, stand_in


@pytest.fixture
def loop() -> EventLoop:
    return EventLoop()


@pytest.fixture
def other_server() -> Iterator[StandIn]:
    """An HTTP server that answers what the test says."""
    with stand_in() as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a person called anna, with a short autosave."""
    found = Settings(home=tmp_path / "home")
    for name, value in {"person": "anna", "autosave_seconds": 0, "refresh_seconds": 1}.items():
        found.set(name, value)
    return found


@pytest.fixture
def scene() -> Iterator[object]:
    """Slicer's scene, empty."""
    from mrml import mrml_scene

    with mrml_scene() as found:
        yield found


@pytest.fixture
def new_session(loop: EventLoop, settings: Settings, scene: object) -> Iterator[Callable]:
    """Makes sessions on the real scene, which are closed at the end."""
    from CrossLabelLib.scene.scene import Scene
    from CrossLabelLib.session import Session

    made = []

    def make(**options) -> Session:
        made.append(Session(Scene(), Background(loop.later, 10), settings=options.pop("settings", settings), **options))
        return made[-1]

    yield make
    for session in made:
        session.close()
