from __future__ import annotations

import numpy as np
import pytest
import torch

from crosslabel.adaptation.self_training import AppearanceModel, Beliefs, PseudoLabelRounds, VolumePrior, make_pseudo_label
from crosslabel.inference import Opinions

NAMES = ("organ", "gland")


def opinions_of(label: np.ndarray, confidence: np.ndarray, views: int = 4) -> Opinions:
    """A teacher that gives ``confidence`` to ``label`` in every view and shares the rest out evenly."""
    probabilities = np.stack([np.where(label == index, confidence, (1 - confidence) / 2) for index in range(3)])
    return Opinions(torch.from_numpy(probabilities.astype(np.float32)), np.stack([label] * views).astype(np.uint8))


def beliefs(*volumes, single=(), least_kept=0.0):
    prior = VolumePrior(NAMES, margin=2.0)
    for seen in volumes or ((8.0, 4.0),):
        prior.see(seen)
    return Beliefs(confidence=0.7, background_confidence=0.9, least_kept=least_kept, agreement=0.75, single=single, prior=prior)


@pytest.fixture
def scene():
    label = np.zeros((10, 10, 4), np.uint8)
    label[1:3, 1:3, 1:3] = 1
    label[6:8, 6:8, 1] = 2
    return label


def test_a_confident_agreed_and_plausible_label_is_kept_whole(scene):
    made = make_pseudo_label(opinions_of(scene, np.full(scene.shape, 0.95)), 1.0, beliefs())
    np.testing.assert_array_equal(made.label, scene)
    assert made.keep.all()
    assert made.predicted == made.kept == {"organ": 8, "gland": 4}
    assert made.implausible == ()


def test_unsure_voxels_are_left_out(scene):
    confidence = np.full(scene.shape, 0.95)
    confidence[1, 1, 1] = 0.6
    confidence[1, 1, 2] = 0.8
    made = make_pseudo_label(opinions_of(scene, confidence), 1.0, beliefs())
    np.testing.assert_array_equal(made.keep, confidence >= 0.7)
    assert made.kept == {"organ": 7, "gland": 4}


def test_the_background_has_to_be_surer_than_a_structure_because_it_may_be_one_that_was_missed(scene):
    confidence = np.full(scene.shape, 0.95)
    confidence[1, 1, 1] = confidence[1, 1, 3] = 0.8
    made = make_pseudo_label(opinions_of(scene, confidence), 1.0, beliefs())
    assert made.keep[1, 1, 1]
    assert not made.keep[1, 1, 3]
    assert made.keep.sum() == made.keep.size - 1


def test_of_a_structure_that_is_unsure_as_a_whole_the_surest_voxels_are_kept(scene):
    confidence = np.full(scene.shape, 0.95)
    confidence[scene == 2] = [0.4, 0.55, 0.45, 0.5]
    made = make_pseudo_label(opinions_of(scene, confidence), 1.0, beliefs(least_kept=0.5))
    np.testing.assert_array_equal(made.keep[scene == 2], [False, True, False, True])
    assert made.kept == {"organ": 8, "gland": 2}
    assert make_pseudo_label(opinions_of(scene, confidence), 1.0, beliefs()).kept == {"organ": 8, "gland": 0}


def test_voxels_that_views_disagree_on_are_left_out(scene):
    opinions = opinions_of(scene, np.full(scene.shape, 0.95))
    opinions.votes[0, 1, 1, 1] = 0
    opinions.votes[:2, 1, 1, 2] = 0
    made = make_pseudo_label(opinions, 1.0, beliefs())
    assert made.keep[1, 1, 1]
    assert not made.keep[1, 1, 2]
    assert made.kept["organ"] == 7


class Says:
    """In place of an appearance model, so that a test knows what grey values say."""

    def __init__(self, posterior):
        self._posterior = posterior

    def posterior(self, image, probabilities):
        return self._posterior


def test_grey_values_overrule_the_views_where_they_are_sure(scene):
    opinions = opinions_of(scene, np.full(scene.shape, 0.95))
    posterior = opinions.mean.clone()
    # Background to all views, organ and perhaps organ by grey values.
    posterior[:, 3, 1, 1] = torch.tensor([0.1, 0.9, 0.0])
    posterior[:, 3, 2, 1] = torch.tensor([0.4, 0.6, 0.0])
    made = make_pseudo_label(opinions, 1.0, beliefs(), torch.zeros(1, *scene.shape), Says(posterior))
    assert made.label[3, 1, 1] == made.label[3, 2, 1] == 1
    assert made.keep[3, 1, 1]
    assert not made.keep[3, 2, 1]
    assert made.predicted["organ"] == 10
    assert made.kept["organ"] == 9


def test_the_views_still_have_to_agree_where_grey_values_change_nothing(scene):
    opinions = opinions_of(scene, np.full(scene.shape, 0.95))
    opinions.votes[:2, 1, 1, 2] = 0
    made = make_pseudo_label(opinions, 1.0, beliefs(), torch.zeros(1, *scene.shape), Says(opinions.mean))
    assert not made.keep[1, 1, 2]
    assert made.kept["organ"] == 7


def test_grey_values_are_not_believed_where_they_make_a_volume_implausible(scene):
    opinions = opinions_of(scene, np.full(scene.shape, 0.95))
    flooded = opinions_of(np.where(scene == 0, 1, scene), np.full(scene.shape, 0.95)).mean
    made = make_pseudo_label(opinions, 1.0, beliefs(), torch.zeros(1, *scene.shape), Says(flooded))
    np.testing.assert_array_equal(made.label, scene)
    assert made.keep.all()
    assert made.implausible == ()


def test_a_real_appearance_model_is_asked(scene):
    image = torch.from_numpy(np.random.default_rng(0).normal(scene, 0.05)[None].astype(np.float32))
    grown = np.repeat(np.repeat(scene, 3, axis=0), 3, axis=1)
    image = image.repeat_interleave(3, dim=1).repeat_interleave(3, dim=2)
    opinions = opinions_of(np.roll(grown, 1, axis=0), np.full(grown.shape, 0.8))
    wide = beliefs((80.0, 40.0))
    made = make_pseudo_label(opinions, 1.0, wide, image, AppearanceModel(smoothness=1.0))
    assert (made.label != grown).sum() < (opinions.indices != grown).sum() / 4


def test_what_lies_apart_of_a_structure_in_one_piece_is_neither_it_nor_background(scene):
    scene[9, 0, 0] = 1
    made = make_pseudo_label(opinions_of(scene, np.full(scene.shape, 0.95)), 1.0, beliefs(single=(1,)))
    assert not made.keep[9, 0, 0]
    assert made.kept["organ"] == 8


def test_a_structure_of_an_implausible_volume_is_not_believed_nor_the_background_that_may_be_it(scene):
    # Of one image seen, the volume may be missed by a factor of 8.
    made = make_pseudo_label(opinions_of(scene, np.full(scene.shape, 0.95)), 1.0, beliefs((65.0, 4.0)))
    assert made.implausible == ("organ",)
    np.testing.assert_array_equal(made.keep, scene == 2)
    assert made.kept == {"organ": 0, "gland": 4}


def test_a_teacher_that_misses_a_structure_does_not_teach_that_it_is_background(scene):
    blind = make_pseudo_label(opinions_of(np.zeros_like(scene), np.full(scene.shape, 0.99)), 1.0, beliefs())
    assert set(blind.implausible) == {"organ", "gland"}
    assert not blind.keep.any()


def test_a_structure_that_some_labelled_image_lacks_may_be_absent(scene):
    without = np.where(scene == 1, 0, scene)
    absent = make_pseudo_label(opinions_of(without, np.full(scene.shape, 0.95)), 1.0, beliefs((8.0, 4.0), (0.0, 4.0)))
    assert absent.implausible == ()
    missed = make_pseudo_label(opinions_of(without, np.full(scene.shape, 0.95)), 1.0, beliefs((8.0, 4.0)))
    assert missed.implausible == ("organ",)


def test_rounds_are_read_back_and_say_what_share_was_kept_by_label(tmp_path, scene):
    confidence = np.full(scene.shape, 0.95)
    confidence[1, 1, 1:3] = 0.6
    made = make_pseudo_label(opinions_of(scene, confidence), 1.0, beliefs())
    rounds = PseudoLabelRounds(tmp_path, ["a/b", "c"], NAMES)
    assert not rounds.is_made(0)
    rounds.make(0, lambda index: made, range(2))
    rounds.finish(0)
    assert rounds.is_made(0)
    label, keep = rounds.read(0, 1)
    np.testing.assert_array_equal(label, made.label)
    np.testing.assert_array_equal(keep, made.keep)
    rounds.make(1, lambda index: made, range(2))
    rounds.finish(1)
    assert [path.parent.name for path in tmp_path.glob("*/*.npz")] == ["01", "01"]
    said = rounds.statistics()
    assert [each["round"] for each in said] == [0, 1]
    assert said[0]["labels"]["organ"] == {"share_kept": 0.75, "implausible_in": 0}
    assert set(said[0]["cases"]) == {"a/b", "c"}


def test_a_round_tells_the_images_that_have_something_to_believe(tmp_path, scene):
    sure = np.full(scene.shape, 0.95)
    nothing = np.zeros_like(scene)
    made = [
        make_pseudo_label(opinions_of(scene, sure), 1.0, beliefs()),
        # Nothing where there should be something; nothing where there may be nothing; one of the two.
        make_pseudo_label(opinions_of(nothing, sure), 1.0, beliefs()),
        make_pseudo_label(opinions_of(nothing, sure), 1.0, beliefs((0.0, 0.0))),
        make_pseudo_label(opinions_of(np.where(scene == 1, 0, scene), sure), 1.0, beliefs()),
    ]
    rounds = PseudoLabelRounds(tmp_path, ["a", "b", "c", "d"], NAMES)
    rounds.make(0, lambda index: made[index], range(4))
    rounds.finish(0)
    assert rounds.useful(0) == [0, 2, 3]
