from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
import torch
from PIL import Image as Picture

import tiny
from crosslabel.errors import TaskError
from crosslabel.explanation import explain
from crosslabel.explanation.overlay import overlay
from crosslabel.images import Grid, Image, read_image
from crosslabel.inference import Classifier
from crosslabel.tasks.building import network_of


def classifier(**changes) -> Classifier:
    torch.manual_seed(0)
    task = tiny.classification_task(**changes)
    return Classifier(task, network_of(task).eval(), "tiny v1", demonstration=False)


class _Bright(torch.nn.Module):
    """Goes by the brightness of the pixels alone, so that a map of its gradients is the image itself."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        score = self.weight * images.flatten(1).sum(dim=1)
        return torch.stack([score, -score], dim=1)


def test_the_heat_lies_where_it_belongs_in_the_grid_of_a_picture_of_another_shape(tmp_path):
    picture = np.full((90, 40), 10, np.uint8)
    picture[60:75, 5:15] = 250
    Picture.fromarray(picture).save(tmp_path / "a.png")
    explained = Classifier(tiny.classification_task(), _Bright(), "bright v1", demonstration=False)
    found = explain(explained, read_image(tmp_path / "a.png", modality="XR"), "integrated_gradients", "bright")
    assert found.heatmap.shape == (90, 40)
    assert found.heatmap.dtype == np.float32
    rows, columns = np.nonzero(found.heatmap > 0.5)
    assert (abs(rows.mean() - 67), abs(columns.mean() - 9.5)) < (2, 2)
    assert found.heatmap[:50].max() < 0.1


def test_the_heat_lies_where_it_belongs_in_an_oblique_volume(tmp_path):
    volume = np.full((30, 26, 20), 10, np.float32)
    volume[20:25, 4:9, 12:16] = 250
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]]) @ np.diag([-2.0, 2.0, 3.0])
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turn, (12, -7, 30)
    nib.save(nib.Nifti1Image(volume, affine), tmp_path / "mr.nii.gz")
    task = tiny.classification_task(
        dimension=3,
        domains={"target": {"name": "mr", "modality": "MR", "intensity": {"rule": "zscore"}}},
        spacing=[3.0, 3.0, 3.0],
        patch=[32, 32, 32],
    )
    image = read_image(tmp_path / "mr.nii.gz")
    found = explain(Classifier(task, _Bright(), "bright v1", demonstration=False), image, "integrated_gradients", "bright")
    assert found.grid is image.grid
    place = np.array(np.nonzero(found.heatmap > 0.5)).mean(axis=1)
    np.testing.assert_allclose(place, [22, 6, 13.5], atol=1.2)


@pytest.mark.parametrize("method", ["gradcam", "gradcam++", "integrated_gradients", "occlusion"])
def test_a_map_runs_from_nought_to_one_and_is_scored(tmp_path, method):
    folder = tiny.write_pictures(tmp_path, 1)
    found = explain(classifier(), read_image(folder / "dark" / "0.png", modality="XR"), method, scored=True)
    assert 0 <= found.heatmap.min() <= found.heatmap.max() <= 1
    summary = found.summary()
    assert summary["explanation"] == method
    assert summary["class"] in ("bright", "dark")
    assert set(summary["faithfulness"]) == {"deletion", "insertion"}


@pytest.mark.parametrize("method", ["gradcam", "gradcam++", "integrated_gradients"])
def test_nearest_neighbours_are_explained_and_answer_as_without(tmp_path, method):
    folder = tiny.write_pictures(tmp_path, 3)
    network = {"name": "torchvision.resnet18", "arguments": {"cut": "layer1", "head": "knn"}}
    explained = classifier(network=network)
    images = [read_image(folder / name / f"{number}.png", modality="XR") for name in ("bright", "dark") for number in range(3)]
    prepared = torch.stack([explained.preparation.forward(image).tensor for image in images])
    head = explained.network.head
    head.resize(6)
    with torch.no_grad():
        head.examples.copy_(explained.network.features(prepared))
    head.weights.copy_(torch.eye(2).repeat_interleave(3, dim=0))
    head.neighbours.fill_(3)
    plain = explained.network(prepared).detach()
    torch.testing.assert_close(explained.network(prepared.clone().requires_grad_()).detach(), plain)
    assert plain.argmax(dim=1).tolist() == [0, 0, 0, 1, 1, 1]
    # Grad-CAM may find nothing that spoke for a class; the gradients themselves must not vanish.
    found = explain(explained, images[0], method, "bright")
    assert np.isfinite(found.heatmap).all()
    if method == "integrated_gradients":
        assert found.heatmap.max() > 0.5


def test_the_class_that_is_answered_is_explained_and_not_the_most_probable_one(tmp_path):
    image = read_image(tiny.write_pictures(tmp_path, 1) / "dark" / "0.png", modality="XR")
    likely = classifier().predict(image).best
    other = next(name for name in ("bright", "dark") if name != likely)
    careful = classifier(balance={"costs": {other: {likely: 1e9}}})
    assert (careful.predict(image).best, explain(careful, image).class_name) == (likely, other)


def test_a_class_that_the_task_lacks_is_named_with_those_it_has(tmp_path):
    image = read_image(tiny.write_pictures(tmp_path, 1) / "dark" / "0.png", modality="XR")
    with pytest.raises(TaskError, match="'grey' is no class of tiny_classification; choose one of bright, dark"):
        explain(classifier(), image, class_name="grey")


def test_without_heat_the_overlay_is_the_image_in_grey():
    image = Image(np.linspace(0, 100, 30 * 20, dtype=np.float32).reshape(1, 30, 20), Grid((30, 20), np.eye(4)))
    plain = overlay(image, np.zeros((30, 20), np.float32))
    assert (plain[..., 0] == plain[..., 1]).all()
    assert (np.diff(plain[..., 0].astype(int), axis=0) >= 0).all()
    heat = np.zeros((30, 20), np.float32)
    heat[5:8, 5:8] = 1
    marked = overlay(image, heat)
    assert (marked[5:8, 5:8, 0] > marked[5:8, 5:8, 2]).all()
    np.testing.assert_array_equal(marked[20:], plain[20:])


@pytest.mark.parametrize("orientation", ["RAS", "LPS", "ALS"])
def test_of_a_volume_the_slice_with_the_most_heat_is_shown_as_viewers_do_however_it_is_stored(orientation):
    # Stored with the body's axes right, anterior, superior: brighter towards the front, and hot at the left hand.
    grey, heat = np.zeros((8, 6, 5), np.float32), np.zeros((8, 6, 5), np.float32)
    grey[..., 3] = np.arange(6)
    heat[0, 2, 3] = 1
    change = nib.orientations.ornt_transform(nib.io_orientation(np.eye(4)), nib.orientations.axcodes2ornt(orientation))
    stored, stored_heat = (nib.orientations.apply_orientation(array, change) for array in (grey, heat))
    affine = nib.orientations.inv_ornt_aff(change, grey.shape)

    shown = overlay(Image(stored[None], Grid(stored.shape, affine)), stored_heat)

    assert shown.shape == (6, 8, 3)
    assert (np.diff(shown[:, 0, 1].astype(int)) < 0).all()  # the front is up
    (row,), (column,) = np.nonzero(shown[..., 0] != shown[..., 2])
    assert (row, column) == (3, 7)  # the left hand on the right
