"""What a round is worth where too few labels are held back: judged on labels that the judged network never saw."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crosslabel.checkpoints import Checkpoint, ModelStore
from crosslabel.data import labelled_cases
from crosslabel.inference import fill_network
from crosslabel.learning import LearningRound
from crosslabel.learning.cross_fitting import cross_fitted
from crosslabel.learning.measuring import measure
from crosslabel.optimisation import State
from crosslabel.tasks.building import network_of
from crosslabel.training.prepared_cases import PreparedCases
from tiny import classification_task, write_pictures

TASK = classification_task(
    training={"epochs": 8, "steps_per_epoch": 8, "batch_size": 8, "validation_share": 0.0, "learning_rate": 0.01},
    active_learning={"round_epochs": 4, "new_labels": 2},
)


@pytest.fixture
def cases(tmp_path):
    """12 of each class, in turn."""
    found = labelled_cases(write_pictures(tmp_path / "pictures", 12), TASK)
    by_class = [[case for case in found if case.label == name] for name in TASK.classes]
    return [case for both in zip(*by_class, strict=True) for case in both]


def learn(cases, store, folder):
    learning = LearningRound(TASK, cases, store, folder, device="cpu")
    return learning, learning.run()


def test_a_second_round_is_judged_on_its_new_labels_by_networks_that_never_saw_them(tmp_path, cases):
    store = ModelStore(tmp_path / "models")
    learn(cases[:6], store, tmp_path / "1")
    _, version = learn(cases[:18], store, tmp_path / "2")
    record = store.record(version)["learning"]
    assert "12 new labels by cross-fitting" in record["on"]
    assert (record["metric"], record["promoted"]) == ("balanced accuracy", True)
    assert record["value"] > 0.7
    assert record["value_before"] is not None
    assert [found.number for found in store.versions(TASK)] == [1, 2], "the halves leave no version behind"


def test_what_is_learnt_by_heart_counts_for_nothing(tmp_path, cases):
    # Every other picture of each class has the other's label, so that nothing but the single picture tells.
    names = TASK.classes
    shuffled = [replace(case, label=names[number // 2 % 2]) for number, case in enumerate(cases)]
    store = ModelStore(tmp_path / "models")
    _, version = learn(shuffled, store, tmp_path / "1")
    fresh = PreparedCases(TASK, shuffled)
    by_heart = measure(TASK, fill_network(TASK, store.load(TASK, version)), fresh)
    crossed = cross_fitted(TASK, None, shuffled, [], fresh, "cpu")
    assert set(crossed.by_case) == {case.id for case in shuffled}
    assert crossed.value < 0.75
    assert by_heart.value > crossed.value + 0.15


def test_a_half_without_two_classes_is_no_judge(cases):
    same = [case for case in cases if case.label == TASK.classes[0]]
    assert cross_fitted(TASK, None, same, [], PreparedCases(TASK, same), "cpu") is None


def test_three_new_labels_are_too_few_to_judge_by(tmp_path, cases):
    store = ModelStore(tmp_path / "models")
    learn(cases[:6], store, tmp_path / "1")
    _, version = learn(cases[:9], store, tmp_path / "2")
    assert "label-free" in store.record(version)["learning"]["on"]


def test_a_network_that_was_cut_is_gone_on_from(cases):
    spec = classification_task(
        network={"name": "torchvision.resnet18"},
        training={"epochs": 1, "steps_per_epoch": 2, "batch_size": 4, "validation_share": 0.0},
    )
    found = {"cut": "layer1"}
    start = Checkpoint(network_of(spec, found).state_dict(), {"network_found": found}, "a network that was cut")
    crossed = cross_fitted(spec, start, cases[:8], [], PreparedCases(spec, cases[:8]), "cpu")
    assert set(crossed.by_case) == {case.id for case in cases[:8]}


def test_a_round_that_is_stopped_while_it_is_judged_publishes_nothing_and_goes_on(tmp_path, cases):
    store = ModelStore(tmp_path / "models")
    learn(cases[:6], store, tmp_path / "1")
    own = TASK.active_learning.round_epochs * TASK.training.steps_per_epoch
    asked = iter(range(10_000))
    events = []
    stopped = LearningRound(
        TASK,
        cases[:18],
        store,
        tmp_path / "2",
        device="cpu",
        on_event=events.append,
        cancelled=lambda: next(asked) >= own + 3,
    )
    assert stopped.run() is None
    assert events[-1].state is State.CANCELLED
    assert [found.number for found in store.versions(TASK)] == [1]
    version = LearningRound(TASK, cases[:18], store, tmp_path / "2", device="cpu").run(resume=True)
    assert "by cross-fitting" in store.record(version)["learning"]["on"]
