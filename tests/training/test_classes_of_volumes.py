"""Classes of volumes, and of their slices, learnt by a backbone that sees slices."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import torch

from backbone_training import SHORT, task, train
from crosslabel.data import labelled_cases
from crosslabel.images import read_image
from crosslabel.inference import load_predictor
from crosslabel.training.prepared_cases import PreparedCases


def test_volumes_are_learnt_from_their_slices(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("ill", "healthy"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(8):
            array = rng.normal(100, 10, (24, 24, 8)).astype(np.float32)
            if name == "ill":
                array[6:18, 6:18, rng.integers(8)] += 120
            nib.save(nib.Nifti1Image(array, np.diag([2.0, 2.0, 3.0, 1.0])), tmp_path / "data" / name / f"mr_{number}.nii.gz")
    spec = task(
        dimension=3,
        classes=["healthy", "ill"],
        domains={"target": {"name": "mr", "modality": "MR", "intensity": {"rule": "zscore"}}},
        spacing=[2.0, 2.0, 3.0],
        patch=[24, 24, 8],
        augmentation={"basic": 0.3, "mr_artefacts": 0.2},
        training={**SHORT, "epochs": 6, "steps_per_epoch": 8, "batch_size": 4},
    )
    store, version = train(spec, tmp_path / "data", tmp_path)
    assert store.record(version)["metrics"]["balanced accuracy"] >= 0.5
    predictor = load_predictor(spec, store, "cpu")
    result = predictor.predict(read_image(tmp_path / "data" / "ill" / "mr_1.nii.gz"))
    assert len(result.slices) == 8
    assert result.in_distribution is not None


def test_classes_of_slices_teach_what_those_of_volumes_cannot(tmp_path):
    """Every volume has bright and dark slices, so its own class tells nothing of them."""
    rng = np.random.default_rng(0)
    lines = ["image,class,slice"]
    bright = rng.permuted(np.tile([True, False], (12, 4)), axis=1)
    for number, is_bright in enumerate(bright):
        array = rng.normal(100, 10, (24, 24, 8)) + 60 * is_bright
        nib.save(nib.Nifti1Image(array.astype(np.float32), np.diag([2.0, 2.0, 3.0, 1.0])), tmp_path / f"mr_{number:02d}.nii.gz")
        lines.append(f"mr_{number:02d}.nii.gz,{('bright', 'dark')[number % 2]},")
        lines += [f"mr_{number:02d}.nii.gz,{'bright' if is_bright[k] else 'dark'},{k}" for k in range(8)]
    spec = task(
        dimension=3,
        domains={"target": {"name": "mr", "modality": "MR", "intensity": {"rule": "window", "lower": 50, "upper": 200}}},
        spacing=[2.0, 2.0, 3.0],
        patch=[24, 24, 8],
        training={**SHORT, "epochs": 6, "steps_per_epoch": 8, "batch_size": 4, "flip_axes": [0, 2], "validation_share": 0},
    )
    right = {}
    for taught, table in (("slices", lines), ("volumes", [line for line in lines if line.endswith((",", "slice"))])):
        (tmp_path / "labels.csv").write_text("\n".join(table))
        store, version = train(spec, tmp_path, tmp_path / taught)
        assert (store.record(version)["labelled_slices"] > 0) == (taught == "slices")
        network = load_predictor(spec, store, "cpu").network
        answers = []
        for number, is_bright in enumerate(bright):
            volume = PreparedCases(spec, labelled_cases(tmp_path, spec))[number].image
            with torch.inference_mode():
                said = network(volume.movedim(-1, 0)[..., None]).argmax(dim=1).numpy()
            answers += list((said == spec.classes.index("bright")) == is_bright)
        right[taught] = np.mean(answers)
    assert right["slices"] > 0.95
    assert right["slices"] > right["volumes"] + 0.2


def test_a_volume_with_a_class_for_a_slice_that_it_does_not_have_is_set_aside_and_named(tmp_path):
    for number in range(2):
        nib.save(nib.Nifti1Image(np.full((6, 6, 4), 50.0 + number, np.float32), np.eye(4)), tmp_path / f"mr_{number}.nii.gz")
    (tmp_path / "labels.csv").write_text("image,class,slice\nmr_0,dark,\nmr_0,dark,4\nmr_1,bright,\nmr_1,bright,3\n")
    domains = {"target": {"name": "mr", "modality": "MR", "intensity": {"rule": "percentile"}}}
    spec = task(dimension=3, domains=domains, spacing=[1.0, 1.0, 1.0], patch=[6, 6, 4])
    cases = PreparedCases(spec, labelled_cases(tmp_path, spec))
    assert cases.set_aside_unusable() == {
        "mr_0": "Slice 4 is labelled dark, but the volume only has slices 0 to 3; correct the number."
    }
    assert cases[0].slices == {3: spec.classes.index("bright")}
