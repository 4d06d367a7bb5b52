"""Classifiers of whole volumes, adapted to those of another sequence."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from crosslabel.checkpoints import ModelStore
from crosslabel.data import images_of_any_class, labelled_cases
from crosslabel.images import read_image
from crosslabel.inference import load_predictor
from crosslabel.training.adaptation import AdaptationCases, ClassAdaptationJob
from two_centres import CLASSES, centres_task

_SHAPE = (24, 24, 8)
_WINDOW = {"rule": "window", "lower": 0, "upper": 255}
_LOOKS = {"T1c": (128, 60), "FLAIR": (50, 12)}
NETWORKS = {
    "of slices": {"name": "torchvision.resnet18", "arguments": {"cut": "layer1"}},
    "of volumes": {"name": "resnet10", "arguments": {"widen_factor": 0.125}},
}


def write_volumes(folder: Path, sequence: str, count: int, seed: int) -> Path:
    """Class folders with ``count`` volumes each, with stripes or without, at the level and contrast of a sequence."""
    level, contrast = _LOOKS[sequence]
    rng = np.random.default_rng(seed)
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
        for number in range(count):
            texture = rng.normal(0, 0.4, _SHAPE)
            if name == "striped":
                texture += np.sin(np.arange(_SHAPE[1]) * 1.6 + rng.uniform(0, 6))[:, None]
            volume = (level + contrast * texture).clip(0, 255).astype(np.float32)
            nib.save(nib.Nifti1Image(volume, np.diag([2.0, 2.0, 4.0, 1.0])), folder / name / f"{number}.nii.gz")
    return folder


@pytest.mark.parametrize("network", NETWORKS)
def test_volumes_of_another_sequence_are_told_apart_once_the_batch_norms_are_theirs(network, tmp_path):
    source = write_volumes(tmp_path / "source", "T1c", 10, seed=0)
    target = write_volumes(tmp_path / "target", "FLAIR", 6, seed=1)
    right = {}
    for method in ("source_only", "norms"):
        task = centres_task(
            dimension=3,
            domains={
                "target": {"name": "flair", "modality": "MR", "sequence": "FLAIR", "intensity": _WINDOW},
                "sources": [{"name": "t1c", "modality": "MR", "sequence": "T1c", "intensity": _WINDOW}],
            },
            spacing=[2.0, 2.0, 4.0],
            patch=list(_SHAPE),
            network=NETWORKS[network],
            adaptation={"method": method},
            augmentation={"basic": 0},
        )
        cases = AdaptationCases(labelled_cases(source, task), images_of_any_class(target, task))
        store = ModelStore(tmp_path / method)
        version = ClassAdaptationJob(task, cases, store, tmp_path / f"{method} run", device="cpu").run()
        assert store.record(version)["metrics"]["balanced accuracy"] > 0.9
        assert len(store.record(version)["data"]["target"]) == 12
        predictor = load_predictor(task, store, "cpu")
        answers = [predictor.predict(read_image(case.image)).best == case.image.parent.name for case in cases.target]
        right[method] = np.mean(answers)
    assert right["norms"] >= 0.8
    assert right["norms"] > right["source_only"] + 0.2
