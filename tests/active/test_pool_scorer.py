"""The pool scorer on real files and networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from crosslabel.active import PoolImage, PoolScorer
from crosslabel.active.features import DeepFeatures, appearance, style
from crosslabel.active.passes import with_augmentation, with_dropout
from crosslabel.active.pool_scorer import AUGMENTED, DROPOUT, ENSEMBLE, PLAIN
from crosslabel.images import read_image
from crosslabel.inference import SlidingWindow
from crosslabel.preparation import Preparation
from crosslabel.tasks.building import network_of
from tiny import classification_task, segmentation_task, write_blobs, write_pictures


def network(task, seed=0):
    torch.manual_seed(seed)
    return network_of(task).eval()


@pytest.fixture(scope="module")
def volumes(tmp_path_factory):
    folder = write_blobs(tmp_path_factory.mktemp("blobs"), 4) / "imagesTr"
    return [PoolImage(path.name.split(".")[0], path) for path in sorted(folder.iterdir())]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = write_pictures(tmp_path_factory.mktemp("pictures"), 3)
    return [PoolImage(f"{path.parent.name}/{path.stem}", path) for path in sorted(folder.rglob("*.png"))]


def test_the_entropy_of_a_volume_is_that_of_the_bare_networks_answer(volumes):
    task = segmentation_task()
    net = network(task)
    found = next(iter(PoolScorer(task, net).scan(volumes[:1])))
    tensor = Preparation(task).forward(read_image(volumes[0].path)).tensor
    p = SlidingWindow(task.patch)(net, tensor).double().numpy()
    entropy = -(p * np.log(p)).sum(axis=0) / np.log(3)
    means = [entropy[p[index] >= 0.1].mean() for index in (1, 2) if (p[index] >= 0.1).any()]
    assert found.scores["entropy"] == pytest.approx(np.mean(means), rel=1e-4)
    best = np.sort(p, axis=0)
    doubt = 1 - (best[-1] - best[-2])
    means = [doubt[p[index] >= 0.1].mean() for index in (1, 2) if (p[index] >= 0.1).any()]
    assert found.scores["margin"] == pytest.approx(np.mean(means), rel=1e-4)
    assert found.scores["foreground"] == pytest.approx((p.argmax(axis=0) > 0).mean())


def test_all_scores_and_vectors_are_given_and_finite(volumes, pictures):
    wanted = {*PLAIN, *DROPOUT, *AUGMENTED, *ENSEMBLE}
    for task, images in ((segmentation_task(), volumes), (classification_task(), pictures)):
        scorer = PoolScorer(task, network(task), wanted=wanted, looks=2, ensemble=[network(task, 1)], batch_size=4)
        found = list(scorer.scan(images))
        assert [one.image_id for one in found] == [image.id for image in images]
        for one in found:
            assert wanted <= set(one.scores)
            assert np.isfinite(list(one.scores.values())).all()
            assert set(one.vectors) == {"features", "gradient", "style", "appearance"}
            assert all(vector.dtype == np.float32 and np.isfinite(vector).all() for vector in one.vectors.values())


def test_batches_give_the_scores_of_single_pictures(pictures):
    task = classification_task()
    net = network(task)
    one, many = (list(PoolScorer(task, net, batch_size=size).scan(pictures)) for size in (1, 4))
    for ours, theirs in zip(one, many, strict=True):
        assert ours.scores == pytest.approx(theirs.scores, abs=1e-5)
        assert np.allclose(ours.vectors["features"], theirs.vectors["features"], atol=1e-4)


@pytest.mark.parametrize("count", [1, 3])
def test_a_volume_that_a_classifier_sees_slice_by_slice_has_the_features_that_its_head_sees(volumes, count):
    task = classification_task(
        dimension=3,
        spacing=[4.0, 4.0, 4.0],
        patch=[32, 32, 8],
        domains={"target": {"name": "mr", "modality": "MR", "intensity": {"rule": "zscore"}}},
        network={"name": "torchvision.resnet18", "arguments": {}},
    )
    net = network(task)
    found = list(PoolScorer(task, net).scan(volumes[:count]))
    assert [one.image_id for one in found] == [image.id for image in volumes[:count]]
    for one, image in zip(found, volumes, strict=False):
        tensor = Preparation(task).forward(read_image(image.path)).tensor
        with torch.inference_mode():
            np.testing.assert_allclose(one.vectors["features"], net.features(tensor[None])[0].numpy(), atol=1e-4)


def test_every_picture_of_a_batch_has_its_own_features_with_a_backbone_that_uses_a_layer_twice(pictures):
    task = classification_task(network={"name": "torchvision.resnet18", "arguments": {}})
    found = list(PoolScorer(task, network(task), batch_size=4).scan(pictures))
    assert len({one.vectors["features"].tobytes() for one in found}) == len(pictures)


class WithoutMaps(nn.Module):
    """A segmentation network whose only layer sees the voxels one by one."""

    def __init__(self):
        super().__init__()
        self.voxel = nn.Linear(1, 3)

    def forward(self, images):
        logits = self.voxel(images.flatten(2).movedim(1, -1))
        return logits.movedim(-1, 1).unflatten(2, images.shape[2:])


def test_a_network_without_maps_is_compared_by_the_appearance_of_the_images(volumes):
    torch.manual_seed(0)
    for one in PoolScorer(segmentation_task(), WithoutMaps().eval()).scan(volumes[:2]):
        assert np.array_equal(one.vectors["features"], one.vectors["appearance"])


def test_what_cannot_be_read_comes_back_with_its_reason_and_the_others_are_scored(pictures, volumes, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(pictures[0].path.read_bytes()[:60])
    images = [pictures[0], PoolImage("broken", broken), PoolImage("gone", tmp_path / "gone.png"), volumes[0], pictures[1]]
    task = classification_task()
    found = list(PoolScorer(task, network(task), batch_size=2).scan(images))
    assert [bool(one.problem) for one in found] == [False, True, True, True, False]
    assert [one.image_id for one in found] == [image.id for image in images]
    assert not any(one.scores or one.vectors for one in found if one.problem)


def test_before_there_is_a_network_images_have_a_style_and_an_appearance(volumes):
    found = list(PoolScorer(segmentation_task(), None).scan(volumes))
    assert all(not one.scores and set(one.vectors) == {"style", "appearance"} for one in found)
    assert not np.allclose(found[0].vectors["appearance"], found[1].vectors["appearance"])


def test_style_tells_a_scanner_and_not_a_place():
    rng = torch.Generator().manual_seed(0)
    image = torch.randn(1, 12, 12, 12, generator=rng)
    assert np.allclose(style(image), style(image.flip(1)), atol=1e-5)
    assert not np.allclose(style(image), style(image * 0.5), atol=0.05)
    assert len(appearance(image, style(image))) == 125 + 34


def test_dropout_changes_the_looks_and_leaves_the_network_as_it_was(volumes):
    task = segmentation_task()
    net = network(task)
    images = torch.randn(1, 1, 16, 16, 16)

    def predict(its, batch):
        return its(batch).softmax(dim=1)

    before = predict(net, images)
    looks = list(with_dropout(net, images, predict, count=3, seed=5, rate=0.5))
    assert not torch.allclose(looks[0], looks[1])
    assert torch.equal(predict(net, images), before)
    again = list(with_dropout(net, images, predict, count=3, seed=5, rate=0.5))
    assert all(torch.equal(one, other) for one, other in zip(looks, again, strict=True))
    assert not net.training


def test_a_networks_own_dropout_is_used():
    net = nn.Sequential(nn.Conv2d(1, 4, 1), nn.Dropout(0.5), nn.Conv2d(4, 2, 1)).eval()
    looks = list(with_dropout(net, torch.ones(1, 1, 4, 4), lambda its, x: its(x).softmax(1), count=2, seed=0))
    assert not torch.allclose(looks[0], looks[1])
    assert not net[1].training


def test_looks_at_changed_images_come_back_in_place():
    images = torch.zeros(1, 1, 10, 10, 10)
    images[..., 4:7, 5, 3] = 3

    def predict(_, batch):
        bright = (batch > 1).float()
        return torch.cat([1 - bright, bright], dim=1)

    for look in with_augmentation(nn.Identity(), images, predict, count=6, seed=1, flip_axes=(0, 2)):
        assert torch.equal(look[:, 1:], (images > 1).float())


def test_features_come_from_the_innermost_maps():
    task = segmentation_task(network={"name": "UNet", "arguments": {"channels": [4, 8, 24], "strides": [2, 2]}})
    net = network(task)
    features = DeepFeatures(task, net)
    with features.collected() as seen:
        net(torch.randn(2, 1, 16, 16, 16))
    assert [tuple(one.shape) for one in seen] == [(2, 24)]


def test_an_image_that_a_gpu_has_too_little_memory_for_does_not_keep_the_others_from_being_scored(pictures):
    task = classification_task()
    calls = []

    def forward(images):
        calls.append(len(images))
        if len(calls) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return original(images)

    net = network(task)
    original, net.forward = net.forward, forward
    found = list(PoolScorer(task, net).scan(pictures * 20))
    failed = [one for one in found if one.problem]
    assert 0 < len(failed) < len(found)
    assert {one.problem for one in failed} == {"The GPU has too little memory for it."}
