from __future__ import annotations

import pytest
import torch

from crosslabel.paths import app_dir
from crosslabel.tasks import load_task
from crosslabel.tasks.building import network_of

FILES = sorted((app_dir() / "tasks").glob("*.yaml"))


def test_every_promised_task_is_shipped():
    assert {path.stem for path in FILES} >= {
        "abdomen_ct_mr",
        "brain_tumour_t1c_flair",
        "vestibular_schwannoma_cochlea",
        "hippocampus",
        "brain_tumour_type",
        "covid_ct",
        "chest_xray",
        "brain_volume_tumour",
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_shipped_task_loads_and_its_network_takes_its_patch(path):
    task = load_task(path)
    # The meta device gives shapes without memory for weights or voxels.
    with torch.device("meta"):
        network = network_of(task).eval()
        answer = network(torch.zeros(1, task.channels, *task.patch))

    head = answer if isinstance(answer, torch.Tensor) else answer[0]
    expected = task.patch if task.kind == "segmentation" else ()
    assert head.shape == (1, len(task.output_names), *expected)
