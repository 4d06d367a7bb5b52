"""What is installed without the source checkout: the package, with the app, its tasks and the samples in it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import requests

from server_process import environment, process_that_answers, write_studies

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A wheel built from the project, unpacked as an installer does it."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site-packages")
    return folder / "site-packages"


def names_below(folder: Path, *parts: str) -> set[str]:
    found = (path for part in parts for path in (folder / part).rglob("*"))
    return {str(path.relative_to(folder)) for path in found if path.is_file() and "__pycache__" not in path.parts}


def test_the_app_the_tasks_and_the_samples_travel_with_the_wheel_and_trained_models_do_not(installed):
    app, samples = ROOT / "apps" / "crosslabel", ROOT / "sample_data"
    assert names_below(installed / "crosslabel", "_app") == {f"_app/{name}" for name in {"main.py", *names_below(app, "tasks")}}
    assert names_below(installed / "crosslabel" / "_sample_data", ".") == names_below(samples, "studies", "checkpoints")


def test_a_wheel_serves_the_tasks_that_lie_in_it(installed, tmp_path, free_port):
    tasks = installed / "crosslabel" / "_app" / "tasks"
    content = (tasks / "hippocampus.yaml").read_text()
    (tasks / "only_here.yaml").write_text(content.replace("name: hippocampus", "name: only_here", 1))
    studies, log = write_studies(tmp_path / "studies"), tmp_path / "server.log"
    command = ["crosslabel", "serve", "--studies", str(studies), "--port", str(free_port), "--tasks", "only_here"]
    variables = environment(tmp_path, PYTHONPATH=str(installed), XDG_DATA_HOME=str(tmp_path / "home"))
    url = f"http://127.0.0.1:{free_port}"
    with process_that_answers(command, url, log, variables):
        assert "only_here" in requests.get(f"{url}/info/", timeout=30).json()["models"]
