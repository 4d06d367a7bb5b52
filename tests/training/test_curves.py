from __future__ import annotations

import json

from crosslabel.training.curves import _curves


def event(epoch: int, loss: float, state: str = "training", message: str = "") -> dict:
    return {"state": state, "epoch": epoch, "losses": {"l": loss}, "metrics": {"m": -loss}, "message": message}


def test_a_resumed_run_keeps_what_came_before_and_a_new_one_starts_anew():
    old = [event(0, 9), event(1, 8), event(2, 7)]
    resumed = [event(0, 5), event(1, 4), event(2, 3, "cancelled"), event(2, 3), event(3, 2)]
    losses, metrics = _curves(json.loads(json.dumps(old + resumed)))
    assert losses == {"l": {0: 5, 1: 4, 2: 3, 3: 2}}
    assert metrics == {"m": {0: -5, 1: -4, 2: -3, 3: -2}}


def test_candidates_of_a_search_are_no_part_of_the_curves():
    losses, _ = _curves([event(5, 1, message="Searching where to cut: after layer1."), event(0, 9), event(1, 8)])
    assert losses == {"l": {0: 9, 1: 8}}
