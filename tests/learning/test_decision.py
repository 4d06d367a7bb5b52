"""When a task learns."""

from __future__ import annotations

import itertools

import pytest

from crosslabel.learning import Action, Situation, decide
from crosslabel.store import Switch
from crosslabel.tasks.settings import ActiveLearningSpec

SETTINGS = ActiveLearningSpec(new_labels=5, quiet_seconds=30)
READY = {"switch": Switch.ON, "new_labels": 5, "seconds_since_label": 31.0}


def action(**changes):
    return decide(Situation(**{**READY, **changes}), SETTINGS).action


def test_enough_new_labels_and_a_quiet_while_begin_a_round():
    assert action() is Action.TRAIN
    assert action(new_labels=4) is Action.NOTHING
    assert action(new_labels=0, seconds_since_label=None) is Action.NOTHING
    assert action(seconds_since_label=29.0) is Action.WAIT


def test_nothing_begins_against_the_switch():
    for changes in ({}, {"unfinished": True}, {"unscored": True}, {"new_labels": 0, "unscored": True}):
        assert action(switch=Switch.OFF, **changes) is Action.NOTHING
        assert action(switch=Switch.PAUSED, **changes) is Action.WAIT


def test_a_second_trainer_is_never_started():
    for switch, new, unfinished, unscored in itertools.product(Switch, (0, 3, 9), (False, True), (False, True)):
        situation = {"switch": switch, "new_labels": new, "unfinished": unfinished, "unscored": unscored}
        assert action(**situation, busy=True) is Action.NOTHING
        assert action(**situation, others_busy=True) not in (Action.TRAIN, Action.RESUME, Action.SCORE)


def test_an_interrupted_round_goes_on_without_waiting_for_more_labels():
    assert action(unfinished=True, new_labels=1, seconds_since_label=0.0) is Action.RESUME


def test_labels_that_failed_again_and_again_wait_for_a_person():
    assert action(attempts=2) is Action.TRAIN
    assert action(attempts=3) is Action.NOTHING
    assert action(attempts=3, unfinished=True) is Action.NOTHING


def test_one_class_only_is_said_and_waited_for():
    decision = decide(Situation(**READY, obstacle="All labels are 'bright'."), SETTINGS)
    assert (decision.action, decision.reason) == (Action.WAIT, "All labels are 'bright'.")


def test_the_pool_is_looked_at_when_no_round_is_near():
    assert action(new_labels=0, unscored=True) is Action.SCORE
    assert action(new_labels=2, unscored=True) is Action.SCORE
    assert action(unscored=True) is Action.TRAIN
    assert action(unscored=True, seconds_since_label=1.0) is Action.WAIT


@pytest.mark.parametrize("changes", [{}, {"new_labels": 1}, {"switch": Switch.PAUSED}, {"attempts": 3}, {"others_busy": True}])
def test_every_decision_has_a_sentence(changes):
    assert decide(Situation(**{**READY, **changes}), SETTINGS).reason.endswith(".")
