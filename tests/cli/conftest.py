from __future__ import annotations

import pytest
import yaml
from typer.testing import CliRunner

import tiny
from crosslabel.cli import app


@pytest.fixture(scope="session")
def workplace(tmp_path_factory):
    """A folder with two task files of one's own and labelled data for each."""
    folder = tmp_path_factory.mktemp("workplace")
    for task in (tiny.segmentation_task(), tiny.classification_task()):
        content = task.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        path = folder / "tasks" / f"{task.name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump({"schema": 1, **content}))
    tiny.write_blobs(folder / "volumes", 3)
    tiny.write_pictures(folder / "pictures", 3)
    return folder


@pytest.fixture
def home(workplace, tmp_path, monkeypatch):
    """The work place, with an empty model folder that belongs to one test."""
    monkeypatch.setenv("CROSSLABEL_TASKS", str(workplace / "tasks"))
    monkeypatch.setenv("CROSSLABEL_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return workplace


@pytest.fixture
def crosslabel():
    """Runs the command in this process: ``crosslabel("doctor", "--json")`` gives exit_code, stdout and stderr."""

    def run(*arguments: object):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return run
