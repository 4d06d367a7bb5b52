"""A server whose tiny task learns quickly, with labels at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nibabel as nib
import requests
import yaml

from server_process import Server, serving
from tiny import AFFINE, blobs, segmentation_task
from waiting import until

TASK = "tiny_segmentation"
QUICK = {"new_labels": 3, "quiet_seconds": 0.5, "round_epochs": 2}
IMAGES = 12
EPOCHS_OF_A_LONG_ROUND = 25


def write_root(root: Path, **active_learning: Any) -> Path:
    """Folders of a server: one task without a checkpoint, and volumes with two blobs each."""
    task = segmentation_task(active_learning={**QUICK, **active_learning})
    (root / "tasks").mkdir(parents=True)
    content = task.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    (root / "tasks" / f"{TASK}.yaml").write_text(yaml.safe_dump({"schema": 1, **content}))
    (root / "studies").mkdir()
    for seed in range(IMAGES):
        nib.save(nib.Nifti1Image(blobs(seed)[0], AFFINE), root / "studies" / f"mr_{seed:02d}.nii.gz")
    (root / "models").mkdir()
    (root / "labels").mkdir()
    return root


def long_rounds(root: Path) -> None:
    """Let the task learn for long enough to be killed or paused meanwhile."""
    file = root / "tasks" / f"{TASK}.yaml"
    content = yaml.safe_load(file.read_text())
    content["training"] |= {"epochs": EPOCHS_OF_A_LONG_ROUND, "steps_per_epoch": 10}
    file.write_text(yaml.safe_dump(content))


@contextmanager
def learning_server(root: Path, port: int) -> Iterator[Server]:
    """Serve what :func:`write_root` wrote."""
    with serving(root, port) as server:
        yield server


def label_file(root: Path, image: str) -> Path:
    """The true label of an image."""
    path = root / "labels" / f"{image}.nii.gz"
    nib.save(nib.Nifti1Image(blobs(int(image.split("_")[1]))[1], AFFINE), path)
    return path


def submit(server: Server, root: Path, image: str, task: str = TASK) -> requests.Response:
    """Save the true label of an image as final."""
    with label_file(root, image).open("rb") as file:
        query = {"image": image, "tag": "final"}
        form = {"params": f'{{"task": "{task}", "client_id": "anna"}}'}
        return server.put("/datastore/label", params=query, files={"label": (f"{image}.nii.gz", file)}, data=form)


def state(server: Server, task: str = TASK) -> dict[str, Any]:
    """What the server says of the task's learning."""
    answer = server.get(f"/api/v1/learning/{task}")
    answer.raise_for_status()
    return answer.json()


def wait_for(server: Server, what: str, condition: Callable[[dict[str, Any]], object], task: str = TASK) -> dict[str, Any]:
    """The first state that fulfils a condition."""

    def met() -> dict[str, Any] | None:
        now = state(server, task)
        return now if condition(now) else None

    found = until(met, lambda: f"waited for {what}: {state(server, task)}; {server.get('/train/').text[:3000]}")
    assert found is not None
    return found
