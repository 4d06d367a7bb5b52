"""Weights from elsewhere: administrators add them as a version, and only what fits its task is taken."""

import copy

import pytest
import torch

from crosslabel.checkpoints import ModelStore, save_checkpoint
from crosslabel.server.security.roles import Role
from crosslabel.tasks.building import network_of
from tiny import segmentation_task

TASK = segmentation_task()


@pytest.fixture
def weights(tmp_path):
    """Writes a checkpoint file of the task, changed by the test."""

    def write(task=TASK, change=lambda state: None):
        torch.manual_seed(7)
        state = copy.deepcopy(network_of(task).state_dict())
        change(state)
        path = tmp_path / "weights.pt"
        save_checkpoint(path, task, state, {"data": "another hospital's"})
        return path

    return write


def put(guarded, path, role, **params):
    with path.open("rb") as content:
        return guarded.ask("PUT", f"/model/{TASK.name}", role, files={"file": (path.name, content)}, params=params)


def test_an_administrator_adds_a_version_that_is_served_when_asked_for(guarded, weights):
    store = ModelStore(guarded.server.models)
    before = store.current(TASK)
    answer = put(guarded, weights(), Role.ADMINISTER)
    assert answer.status_code == 200, answer.text
    assert store.current(TASK) == before
    try:
        served = put(guarded, weights(), Role.ADMINISTER, activate=True).json()
        assert served["version"] == answer.json()["version"] + 1
        told = guarded.ask("POST", f"/infer/{TASK.name}", Role.ANNOTATE, params={"image": "mr_0", "output": "json"}).json()[
            "checkpoint"
        ]
        assert told["name"] == served["name"]
        record = store.record(store.current(TASK))
        assert record["data"] == "another hospital's"
        assert record["uploaded"]["by"] == "test administer"
    finally:
        store.activate(TASK, before.number)


@pytest.mark.parametrize("role", [Role.ANNOTATE, Role.REVIEW])
def test_nobody_else_may(guarded, weights, role):
    assert put(guarded, weights(), role).status_code == 403


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda state: state.update({next(iter(state)): torch.zeros(3)}), "weights of another network"),
        (lambda state: state[next(iter(state))].fill_(float("nan")), "not finite"),
    ],
)
def test_weights_that_do_not_fit_are_refused_and_no_version_is_made(guarded, weights, change, says):
    before = ModelStore(guarded.server.models).versions(TASK)
    answer = put(guarded, weights(change=change), Role.ADMINISTER)
    assert answer.status_code == 409
    assert says in answer.json()["detail"]
    assert ModelStore(guarded.server.models).versions(TASK) == before


def test_weights_of_another_task_are_refused(guarded, weights):
    other = segmentation_task(name="other", labels=[{"name": "else", "value": 1, "color": "#ff0000"}])
    answer = put(guarded, weights(other), Role.ADMINISTER)
    assert answer.status_code == 409
    assert "was trained with" in answer.json()["detail"]
