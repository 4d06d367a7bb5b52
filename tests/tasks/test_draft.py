from __future__ import annotations

import pytest
import torch

from crosslabel.images import Modality
from crosslabel.tasks import Fingerprint, draft_task, load_task
from crosslabel.tasks.building import network_of


def fingerprint(**changes) -> Fingerprint:
    facts = {
        "modality": Modality.MR,
        "sequence": None,
        "channels": 1,
        "shape": (35, 51, 36),
        "spacing": (1.0, 1.0, 1.2),
        "label_names": {1: "anterior", 5: "left: posterior"},
        **changes,
    }
    return Fingerprint(**facts)


def loaded(tmp_path, facts: Fingerprint):
    path = tmp_path / "draft.yaml"
    path.write_text(draft_task("draft", facts), encoding="utf-8")
    return load_task(path)


PICTURES = {"shape": (200, 301), "spacing": None, "label_names": {}, "classes": ("no", "yes")}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"modality": Modality.CT, "shape": (512, 512, 90), "spacing": (0.7, 0.7, 5.0)},
        {"channels": 4, "sequence": "FLAIR"},
        {"shape": (300, 300), "spacing": None},
        PICTURES,
        {"label_names": {}, "classes": ("1e3", "null")},
    ],
    ids=["MR volume", "CT volume", "four channels", "picture", "picture classes", "volume classes"],
)
def test_a_draft_loads_back_and_its_network_takes_its_patch(tmp_path, changes):
    task = loaded(tmp_path, fingerprint(**changes))

    with torch.device("meta"):
        network = network_of(task).eval()
        answer = network(torch.zeros(1, task.channels, *task.patch))
    assert answer.shape[:2] == (1, len(task.output_names))


def test_a_draft_says_what_the_data_say(tmp_path):
    task = loaded(tmp_path, fingerprint(sequence="T1"))

    assert task.label_values == {"anterior": 1, "left: posterior": 5}
    assert task.spacing == (1.0, 1.0, 1.2)
    target = task.domains.target
    assert (target.modality, target.sequence) == (Modality.MR, "T1")
    assert all(size <= patch < size + 8 for size, patch in zip((35, 51, 36), task.patch, strict=True))


def test_classes_keep_their_names_even_where_yaml_would_read_something_else(tmp_path):
    assert loaded(tmp_path, fingerprint(**PICTURES)).classes == ("no", "yes")


def test_a_large_volume_is_cut_for_segmentation_and_coarsened_for_classification(tmp_path):
    large = {"shape": (480, 480, 90), "spacing": (0.8, 0.8, 3.0)}
    cut = loaded(tmp_path, fingerprint(**large))
    whole = loaded(tmp_path, fingerprint(**large, label_names={}, classes=("no", "yes")))

    assert cut.spacing == (0.8, 0.8, 3.0)
    assert max(cut.patch) < 480
    for size, step, patch, coarse in zip(*large.values(), whole.patch, whole.spacing, strict=True):
        assert patch * coarse >= size * step - coarse
