"""Whether a task should learn now."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from crosslabel.store.switches import Switch
from crosslabel.tasks.settings import ActiveLearningSpec

# A round that fails for the same labels again and again has to be looked at by a person.
MOST_ATTEMPTS = 3


class Action(str, Enum):
    """What to do next for a task."""

    NOTHING = "nothing"
    WAIT = "wait"
    TRAIN = "train"
    RESUME = "resume"
    SCORE = "score"


@dataclass(frozen=True)
class Situation:
    """What is known of a task at a moment.

    Attributes:
        switch: where the user's switch stands.
        new_labels: final labels that the served version has neither learnt from nor been measured on.
        seconds_since_label: since the last of them was saved; None where there is none.
        busy: a trainer of this task runs, whoever started it.
        others_busy: a trainer of another task runs.
        unfinished: a round was begun for these labels and its process is gone.
        attempts: how often these labels were tried in vain.
        unscored: the served version has not looked at all of the pool, and somebody works on the task.
        obstacle: why the labels cannot be learnt from, such as that they show one class only; empty if they can.
    """

    switch: Switch
    new_labels: int
    seconds_since_label: float | None
    busy: bool = False
    others_busy: bool = False
    unfinished: bool = False
    attempts: int = 0
    unscored: bool = False
    obstacle: str = ""


@dataclass(frozen=True)
class Decision:
    """What to do, and why, in one sentence for a person."""

    action: Action
    reason: str


def decide(now: Situation, settings: ActiveLearningSpec) -> Decision:
    """The next step of a task.

    Never trains against the user's switch, beside another trainer of the task, while somebody is still saving labels, or
    for fewer new labels than the task asks for.
    """
    if now.switch is Switch.OFF:
        return Decision(Action.NOTHING, "Learning is switched off.")
    if now.busy:
        return Decision(Action.NOTHING, "A training of this task runs.")
    if now.switch is Switch.PAUSED:
        return Decision(Action.WAIT, "Learning is paused.")
    learns = _learning(now, settings)
    # Not while a round is about to begin: its look at the pool comes after it, with the new model.
    if (learns.action is Action.NOTHING or now.obstacle) and now.unscored and not now.others_busy:
        return Decision(Action.SCORE, "The served model has not looked at all images yet.")
    if learns.action in (Action.TRAIN, Action.RESUME) and now.others_busy:
        return Decision(Action.WAIT, "Another task is being trained.")
    return learns


def _learning(now: Situation, settings: ActiveLearningSpec) -> Decision:
    if now.new_labels == 0:
        return Decision(Action.NOTHING, "There is no new label.")
    if now.obstacle:
        return Decision(Action.WAIT, now.obstacle)
    if now.attempts >= MOST_ATTEMPTS:
        return Decision(
            Action.NOTHING, f"Training failed {now.attempts} times with these labels; a further label starts it anew."
        )
    if now.unfinished:
        return Decision(Action.RESUME, "A training was interrupted and goes on.")
    missing = settings.new_labels - now.new_labels
    if missing > 0:
        return Decision(Action.NOTHING, f"{missing} more new label{'s' if missing > 1 else ''} begin a round of training.")
    if now.seconds_since_label is not None and now.seconds_since_label < settings.quiet_seconds:
        return Decision(Action.WAIT, f"Training begins when no label was saved for {settings.quiet_seconds:g} s.")
    return Decision(Action.TRAIN, f"There are {now.new_labels} new labels.")
