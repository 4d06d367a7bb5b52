from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
import torch

import tiny
from crosslabel.images import read_image
from crosslabel.inference import Classifier
from crosslabel.tasks.building import network_of


def slice_task(**changes):
    return tiny.classification_task(
        dimension=3,
        domains={"target": {"name": "mr", "modality": "MR", "intensity": {"rule": "zscore"}}},
        spacing=[2.0, 2.0, 3.0],
        patch=[32, 32, 12],
        network={"name": "torchvision.resnet18", "arguments": {"cut": "layer1"}},
        **changes,
    )


def volume(path, orientation: str, hot: int) -> np.ndarray:
    """A volume of 12 axial slices of which one is different, stored in an orientation."""
    array = np.random.default_rng(0).normal(100, 1, (32, 32, 12)).astype(np.float32)
    array[8:24, 8:24, hot] += 500
    image = nib.Nifti1Image(array, np.diag([2.0, 2.0, 3.0, 1.0]))
    codes = nib.orientations.axcodes2ornt(tuple(orientation))
    turned = image.as_reoriented(nib.orientations.ornt_transform(nib.orientations.io_orientation(image.affine), codes))
    nib.save(turned, path)
    return np.asarray(turned.dataobj)


@pytest.mark.parametrize(("orientation", "axis", "stored"), [("RAS", 2, 4), ("LPI", 2, 7), ("SRA", 0, 4), ("AIL", 1, 7)])
def test_attention_is_told_for_the_slices_of_the_volume_as_it_is_stored(tmp_path, orientation, axis, stored):
    array = volume(tmp_path / "mr.nii.gz", orientation, hot=4)
    assert int(np.moveaxis(array, axis, 0).reshape(12, -1).mean(axis=1).argmax()) == stored
    torch.manual_seed(0)
    task = slice_task()
    network = network_of(task).eval()
    # Attention that grows with the difference of a slice from the others.
    with torch.no_grad():
        image = read_image(tmp_path / "mr.nii.gz")
        classifier = Classifier(task, network, "tiny v1", demonstration=False)
        prepared = classifier.preparation.forward(image).tensor[None]
        slices = network.trunk(prepared.movedim(4, 1).flatten(0, 1)).mean(dim=(2, 3))
        direction = slices[4] - slices.mean(dim=0)
        network.attention.value.weight.zero_()[0] = 5 * direction / direction.norm() ** 2
        network.attention.value.bias.zero_()[0] = -5 * float(slices.mean(dim=0) @ direction) / float(direction.norm() ** 2)
        network.attention.gate.weight.zero_()
        network.attention.weigh.weight.zero_()[0, 0] = 20
    result = classifier.predict(image)
    strongest = max(result.slices, key=lambda one: one.weight)
    assert (strongest.axis, strongest.index) == (axis, stored)
    assert sum(one.weight for one in result.slices) == pytest.approx(1, abs=1e-3)
    assert result.summary()["slices"][0].keys() == {"index", "axis", "weight"}


def test_a_picture_has_no_slices_in_its_answer(tmp_path):
    folder = tiny.write_pictures(tmp_path, 1)
    task = tiny.classification_task()
    result = Classifier(task, network_of(task).eval(), "tiny v1", False).predict(
        read_image(folder / "dark/0.png", modality="XR")
    )
    assert result.slices == ()
    assert "slices" not in result.summary()


def test_a_batch_is_answered_as_its_images_one_by_one(tmp_path):
    folder = tiny.write_pictures(tmp_path, 3)
    task = tiny.classification_task(trust={"views": 0})
    torch.manual_seed(0)
    classifier = Classifier(task, network_of(task).eval(), "tiny v1", demonstration=False)
    images = [read_image(folder / name / f"{n}.png", modality="XR") for name in ("bright", "dark") for n in range(3)]
    batch = classifier.predict_batch([classifier.preparation.forward(image) for image in images])
    for one, together in zip(map(classifier.predict, images), batch, strict=True):
        assert one.probabilities == pytest.approx(together.probabilities, abs=1e-5)
        assert one.uncertainty == pytest.approx(together.uncertainty, abs=1e-4)


def test_views_raise_the_uncertainty_of_an_answer_that_depends_on_them(tmp_path):
    folder = tiny.write_pictures(tmp_path, 1)

    class Upper(torch.nn.Module):
        """Compares the upper with the lower half: a picture on its head means the other class."""

        def __init__(self) -> None:
            super().__init__()
            self.first = torch.nn.Conv2d(1, 1, 1)
            self.head = torch.nn.Linear(1, 2)
            with torch.no_grad():
                self.head.weight.copy_(torch.tensor([[5.0], [-5.0]]))

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            maps = images + 0 * self.first(images)
            return self.head((maps[:, :, :16].mean(dim=(1, 2, 3)) - maps[:, :, 16:].mean(dim=(1, 2, 3)))[:, None])

    bright = read_image(folder / "bright" / "0.png", modality="XR")
    steady = tiny.classification_task(trust={"views": 4})
    turned = tiny.classification_task(trust={"views": 4}, training={**steady.training.model_dump(), "flip_axes": (0,)})
    sure, unsure = (Classifier(task, Upper(), "v1", False).predict(bright) for task in (steady, turned))
    assert sure.probabilities == pytest.approx(unsure.probabilities, abs=1e-5)
    assert unsure.uncertainty > sure.uncertainty + 0.3
