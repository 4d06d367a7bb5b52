"""Rounds of learning on volumes with two blobs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from statistics import fmean

import pytest
import torch

from crosslabel.checkpoints import ModelStore
from crosslabel.data import Case, labelled_cases
from crosslabel.errors import DataError
from crosslabel.learning import LearningRound
from crosslabel.learning.held_back import label_key, split, start_of
from crosslabel.learning.measuring import Measured
from crosslabel.learning.promotion import by_held_back, without_held_back
from crosslabel.learning.replay import mixture
from crosslabel.optimisation import State
from crosslabel.optimisation.progress import read_curves
from crosslabel.training.prepared_cases import PreparedCases
from crosslabel.training.segmentation import SegmentationObjective
from tiny import classification_task, segmentation_task, write_blobs, write_pictures

LEARNING = {"round_epochs": 3, "new_labels": 2}
TRAINING = {"epochs": 10, "steps_per_epoch": 6, "learning_rate": 0.02, "validation_share": 0.3}


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    task = segmentation_task()
    return labelled_cases(write_blobs(tmp_path_factory.mktemp("blobs"), 24), task)


@pytest.fixture
def task():
    return segmentation_task(training=TRAINING, active_learning=LEARNING)


@pytest.fixture
def store(tmp_path):
    return ModelStore(tmp_path / "models")


def learn(task, cases, store, folder, **options):
    learning = LearningRound(task, cases, store, folder, device="cpu", **options)
    return learning, learning.run()


def stop_after_two_epochs(task, cases, store, folder):
    steps = iter(range(10_000))

    def cancelled():
        return next(steps) == 2 * task.training.steps_per_epoch

    assert LearningRound(task, cases, store, folder, device="cpu", cancelled=cancelled).run() is None


def equal(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def sides(task, cases):
    train, held = split(task, cases)
    assert len(held) >= 5, "the blobs' names are to give enough of both"
    return train, held


def test_the_held_back_labels_never_change_sides_and_are_none_before_there_are_five(task, cases):
    _, held = sides(task, cases)
    ids = {case.id for case in held}
    for count in range(1, len(cases)):
        train_then, held_then = split(task, cases[:count])
        assert len(train_then) + len(held_then) == count
        expected = ids & {case.id for case in cases[:count]}
        assert {case.id for case in held_then} == (expected if len(expected) >= 5 else set())


def test_images_of_one_patient_stay_on_one_side(task, cases):
    twins = [replace(case, id=f"{case.id}/{n}", patient=case.id) for case in cases for n in range(2)]
    train, held = split(task, twins)
    assert not {case.patient for case in train} & {case.patient for case in held}


def test_a_round_says_what_it_learnt_from_and_the_next_goes_on_from_it(task, cases, store, tmp_path):
    few = cases[:4]
    assert split(task, few)[1] == []
    first, version = learn(task, few, store, tmp_path / "1", unlabelled=[case.image for case in cases[8:11]])
    record = store.record(version)
    assert record["started_from"] is None
    assert record["learning"]["learnt_from"] == sorted(label_key(case) for case in few)
    assert record["learning"]["labels"] == 4
    assert "label-free" in record["metrics_on"]
    assert first.task.training.epochs == 10
    second, later = learn(task, cases[:6], store, tmp_path / "2", unlabelled=[case.image for case in cases[8:11]])
    record = store.record(later)
    assert record["started_from"] == version.name
    assert (second.task.training.epochs, record["learning"]["new"]) == (3, 2)
    before = record["learning"]["served_before"]
    assert (before["name"], before["labels"], len(before["pairs"])) == (version.name, 4, 2)


def test_five_held_back_labels_decide_and_are_not_learnt_from(task, cases, store, tmp_path):
    _, held = sides(task, cases)
    learning, version = learn(task, cases, store, tmp_path / "run")
    record = store.record(version)
    assert record["data"]["validation"] == [case.id for case in held]
    assert not {case.id for case in held} & set(record["data"]["training"])
    assert record["learning"]["on"] == f"{len(held)} held-back labels"
    assert len(record["learning"]["pairs"]) == len(held)
    assert learning.verdict.promoted
    assert store.current(task) == version
    assert record["metrics"]["dice"] > 0.2


def test_a_version_that_saw_what_is_held_back_now_is_not_gone_on_from(task, cases, store, tmp_path):
    train, held = sides(task, cases)
    mixed = [held[0], *train[:3]]
    assert split(task, mixed)[1] == []
    _, tainted = learn(task, mixed, store, tmp_path / "1")
    _, clean = learn(task, train[:4], store, tmp_path / "2")
    store.activate(task, tainted.number)
    assert start_of(task, store, []) == tainted
    assert start_of(task, store, held) == (clean if not store.record(clean)["started_from"] else None)
    learning, version = learn(task, cases, store, tmp_path / "3")
    assert store.record(version)["started_from"] in (None, clean.name)
    assert learning.verdict.before is None, "what the served version had seen is no fair measure of it"


def test_a_worse_version_is_kept_and_not_served(task, cases, store, tmp_path):
    _, good = learn(task, cases, store, tmp_path / "good")
    ruin = task.model_copy(update={"training": task.training.model_copy(update={"learning_rate": 30.0})})
    learning, bad = learn(ruin, cases, store, tmp_path / "bad")
    assert not learning.verdict.promoted
    assert store.current(task) == good
    record = store.record(bad)["learning"]
    assert (record["promoted"], "worse" in record["reason"]) == (False, True)
    assert record["value"] < record["value_before"]


def test_a_version_that_was_chosen_while_a_round_ran_stays_served(task, cases, store, tmp_path):
    _, first = learn(task, cases[:2], store, tmp_path / "1")
    _, second = learn(task, cases[:3], store, tmp_path / "2")
    store.activate(task, second.number)

    def roll_back(event):
        if event.state is State.TRAINING:
            store.activate(task, first.number)

    learning, third = learn(task, cases[:5], store, tmp_path / "3", on_event=roll_back)
    assert (store.current(task), learning.verdict.promoted) == (first, False)
    record = store.record(third)["learning"]
    assert record["promoted"] is False
    assert record["reason"].endswith(f"It is not served, because {first.name} was chosen while it learnt.")


def test_a_corrupt_label_among_good_ones_is_set_aside_and_named(task, cases, store, tmp_path):
    broken = tmp_path / "broken.nii.gz"
    broken.write_bytes(cases[0].label.read_bytes()[:200])
    _, version = learn(task, [replace(cases[0], label=broken), *cases[1:5]], store, tmp_path / "run")
    aside = store.record(version)["data"]["set_aside"]
    assert list(aside) == [cases[0].id]
    assert "broken.nii.gz" in aside[cases[0].id]
    assert cases[0].id in " ".join(store.record(version)["learning"]["considered"])


def test_source_cases_are_replayed_and_are_no_labels(task, cases, store, tmp_path):
    learning, version = learn(task, cases[:3], store, tmp_path / "run", replay=cases[3:7])
    record = store.record(version)
    assert record["data"]["training"] == [case.id for case in cases[:3]]
    assert (record["learning"]["labels"], record["learning"]["new"]) == (3, 3)
    assert [case.id for case in learning.replay] == [f"source: {case.id}" for case in cases[3:7]]
    _, without = learn(task, cases[:3], ModelStore(tmp_path / "other"), tmp_path / "without")
    assert not equal(store.load(task, version).state, ModelStore(tmp_path / "other").load(task, without).state)


def test_replayed_images_that_do_not_say_what_they_are_are_taken_for_the_source(cases, store, tmp_path):
    domains = {
        "target": {"name": "mr", "modality": "MR", "intensity": {"rule": "percentile"}},
        "sources": [{"name": "ct", "modality": "CT", "intensity": {"rule": "window", "lower": 0, "upper": 400}}],
    }
    task = segmentation_task(domains=domains, training=TRAINING, active_learning=LEARNING)
    silent = [replace(case, image=tmp_path / f"p{number}.nii.gz") for number, case in enumerate(cases[3:6])]
    for case, named in zip(silent, cases[3:6], strict=True):
        shutil.copy(named.image, case.image)
    learning, version = learn(task, cases[:3], store, tmp_path / "run", replay=silent)
    assert store.record(version)["data"]["set_aside"] == {}
    assert {PreparedCases(task, learning.replay)[index].domain for index in range(len(silent))} == {"ct"}


def test_no_label_and_one_class_only_are_refused_with_what_to_do(task, store, tmp_path):
    with pytest.raises(DataError, match="label some first"):
        learn(task, [], store, tmp_path / "none")
    pictures = classification_task()
    same = [case for case in labelled_cases(write_pictures(tmp_path / "pictures", 3), pictures) if case.label == "bright"]
    with pytest.raises(DataError, match="two classes"):
        learn(pictures, same, store, tmp_path / "one")


def test_a_classification_learns_and_is_measured_by_its_balanced_accuracy(store, tmp_path):
    training = {"epochs": 6, "steps_per_epoch": 8, "batch_size": 8, "validation_share": 0.35, "learning_rate": 0.01}
    task = classification_task(training=training, active_learning=LEARNING)
    cases = labelled_cases(write_pictures(tmp_path / "pictures", 12), task)
    assert split(task, cases)[1]
    _, version = learn(task, cases, store, tmp_path / "run")
    record = store.record(version)["learning"]
    assert (record["metric"], record["promoted"]) == ("balanced accuracy", True)
    assert record["value"] > 0.7
    assert "trust" in store.record(version), "a round keeps a classifier's calibration"


def test_a_round_that_is_stopped_goes_on_and_ends_with_the_same_weights(task, cases, store, tmp_path):
    # Asked before each of the four images is read, and after each step.
    steps = iter(range(10_000))
    stopped = LearningRound(task, cases[:4], store, tmp_path / "a", device="cpu", cancelled=lambda: next(steps) == 24)
    assert stopped.run() is None
    events = []
    gone_on = LearningRound(task, cases[:4], store, tmp_path / "a", device="cpu", on_event=events.append).run(resume=True)
    _, whole = learn(task, cases[:4], ModelStore(tmp_path / "other"), tmp_path / "b")
    assert equal(store.load(task, gone_on).state, ModelStore(tmp_path / "other").load(task, whole).state)
    assert next(event.epoch for event in events if event.state is State.TRAINING) == 3


def test_a_stopped_round_whose_labels_are_held_back_by_now_begins_anew(task, cases, store, tmp_path):
    train, held = sides(task, cases)
    stop_after_two_epochs(task, [*train[:3], *held[:4]], store, tmp_path / "a")
    further = [*train[:3], *held[:5]]
    version = LearningRound(task, further, store, tmp_path / "a", device="cpu").run(resume=True)
    assert set(store.record(version)["data"]["validation"]) == {case.id for case in held[:5]}
    other = ModelStore(tmp_path / "other")
    _, never_saw_them = learn(task, further, other, tmp_path / "b")
    assert equal(store.load(task, version).state, other.load(task, never_saw_them).state)
    assert [epoch for epoch, _ in read_curves(tmp_path / "a")["losses"]["dice"]] == list(range(1, 11))


def test_a_stopped_round_begins_anew_from_the_version_that_is_served_by_now(task, cases, store, tmp_path):
    _, first = learn(task, cases[:2], store, tmp_path / "1")
    _, second = learn(task, cases[:3], store, tmp_path / "2")
    store.activate(task, second.number)
    stop_after_two_epochs(task, cases[:5], store, tmp_path / "3")
    store.activate(task, first.number)
    gone_on = LearningRound(task, cases[:5], store, tmp_path / "3", device="cpu").run(resume=True)
    assert store.record(gone_on)["started_from"] == first.name
    store.activate(task, first.number)
    _, whole = learn(task, cases[:5], store, tmp_path / "4")
    assert equal(store.load(task, gone_on).state, store.load(task, whole).state)


def test_memory_that_runs_out_costs_smaller_batches_and_one_sentence(task, cases, store, tmp_path, monkeypatch):
    losses = SegmentationObjective.losses

    def small_memory(self, network, epoch, draw):
        if self.task.training.batch_size > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return losses(self, network, epoch, draw)

    monkeypatch.setattr(SegmentationObjective, "losses", small_memory)
    learning, version = learn(task, cases[:4], store, tmp_path / "run")
    assert store.record(version)["learning"]["reason"].endswith("so this round took smaller batches.")
    assert (learning.task.training.batch_size, learning.task.training.accumulate) == (1, 2)


def test_new_labels_are_drawn_as_often_as_asked_and_none_is_left_out():
    cases = [Case(f"case {n}", None, "bright") for n in range(40)]
    learnt = {label_key(case) for case in cases[:36]}
    drawn = mixture(cases, learnt, 0.5)
    new = sum(label_key(case) not in learnt for case in drawn)
    assert new / len(drawn) == pytest.approx(0.5, abs=0.05)
    assert {case.id for case in drawn} == {case.id for case in cases}
    assert len(drawn) == 72, "a share that can be met exactly is"
    few = mixture(cases[:7], {label_key(case) for case in cases[:4]}, 0.5)
    assert sum(case in cases[4:7] for case in few) / len(few) >= 0.5
    assert mixture(cases, set(), 0.5) == cases
    assert mixture(cases, {label_key(case) for case in cases}, 0.5) == cases


def test_a_revised_label_is_a_new_one(tmp_path):
    case = Case("mr_0", tmp_path, tmp_path / "v1-final.nii.gz")
    assert label_key(case) != label_key(replace(case, label=tmp_path / "v2-final.nii.gz"))


def measured(*values):
    by_case = {f"case {number}": value for number, value in enumerate(values)}
    return Measured("dice", fmean(values), {}, tuple((0.9, value) for value in values), by_case)


def test_not_worse_is_promoted_and_worse_is_not():
    before = measured(0.8, 0.7, 0.9, 0.8, 0.8)
    assert by_held_back(before, before, 5).promoted
    assert by_held_back(before, None, 5).promoted
    # A hundredth less on every image is no chance.
    worse = by_held_back(measured(0.79, 0.69, 0.89, 0.79, 0.79), before, 5)
    assert (worse.promoted, worse.value, worse.before) == (False, pytest.approx(0.79), pytest.approx(0.8))


def classified(rights):
    """As a classification is measured: balanced accuracy, from whether each case of each class was right."""
    by_part = {name: {f"{name} {number}": value for number, value in enumerate(values)} for name, values in rights.items()}
    by_case = {case: value for values in by_part.values() for case, value in values.items()}
    means = {name: fmean(values) for name, values in rights.items()}
    return Measured("balanced accuracy", fmean(means.values()), means, (), by_case, by_part)


@pytest.mark.parametrize("rare", [1, 2, 5])
def test_one_mistake_more_is_chance_however_rare_the_class_and_two_in_one_direction_are_not(rare):
    before = classified({"common": [1.0] * 18, "rare": [1.0] * rare})
    one_more = classified({"common": [1.0] * 18, "rare": [0.0, *[1.0] * (rare - 1)]})
    assert by_held_back(one_more, before, 18 + rare).promoted
    more = classified({"common": [0.0] * 4 + [1.0] * 14, "rare": [0.0, *[1.0] * (rare - 1)]})
    assert not by_held_back(more, before, 18 + rare).promoted


def segmented(*values):
    """Three structures in each image, all as good as one another there."""
    found = measured(*values)
    return replace(found, by_part=dict.fromkeys(("liver", "spleen", "kidney"), found.by_case))


def test_structures_of_one_image_are_not_taken_for_independent_images():
    before = segmented(0.9, 0.8, 0.9, 0.8)
    one_image = by_held_back(segmented(0.9, 0.8, 0.9, 0.5), before, 4)
    assert one_image.promoted
    assert "standard error 0.075" in one_image.reason  # .3 in one of four images: a mean of .075 with a deviation of .15
    assert not by_held_back(segmented(0.8, 0.7, 0.8, 0.68), before, 4).promoted


def test_a_loss_within_one_standard_error_is_chance_and_a_larger_one_is_not():
    before = (1.0, 0.0, 1.0, 1.0, 0.0, 1.0)
    one_less, three_less = (0.0, 0.0, 1.0, 1.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0, 0.0, 0.0)
    chance = by_held_back(measured(*one_less), measured(*before), 6)
    assert chance.promoted
    assert "chance" in chance.reason
    assert not by_held_back(measured(*three_less), measured(*before), 6).promoted


@pytest.mark.parametrize(
    ("fits", "agreements", "promoted"),
    [
        ((0.8, 0.6), ([0.9, 0.9], [0.9, 0.9]), True),
        ((0.8, 0.6), ([0.89, 0.89], [0.9, 0.9]), True),
        ((0.8, 0.6), ([0.7, 0.8], [0.9, 0.9]), False),
        ((0.8, 0.6), ([1.0, 0.67, 1.0], [1.0, 1.0, 1.0]), True),
        ((0.8, 0.6), ([0.67, 0.67, 1.0], [1.0, 1.0, 1.0]), False),
        ((0.5, 0.6), ([0.95], [0.9]), False),
        ((0.0, None), ([1.0], None), False),
        ((0.8, None), ([0.5], None), True),
        ((0.8, 0.6), ([], []), True),
    ],
)
def test_without_held_back_labels_a_model_has_to_explain_the_new_ones_and_agree_with_itself(fits, agreements, promoted):
    found = tuple(None if value is None else measured(value) for value in fits)
    assert without_held_back(found, agreements).promoted is promoted
