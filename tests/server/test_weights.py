"""Weights from elsewhere: administrators add them as a version, and only what fits its task is taken."""

import copy

import pytest
import torch

from crosslabel.checkpoints import ModelStore, save_checkpoint
from crosslabel.inference.trust import described, learn_trust
from crosslabel.server.security.roles import Role
from crosslabel.tasks.building import network_of
from tiny import classification_task, segmentation_task

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


def put(guarded, path, role, task=TASK, **params):
    with path.open("rb") as content:
        return guarded.ask("PUT", f"/model/{task.name}", role, files={"file": (path.name, content)}, params=params)


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
        assert "data" not in record
        assert record["uploaded"]["data"] == "another hospital's"
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


def test_an_uploaded_classifier_brings_what_it_learnt_of_its_limits(guarded, tmp_path):
    task, store = classification_task(), ModelStore(guarded.server.models)
    torch.manual_seed(7)
    network = network_of(task).eval()
    images = torch.randn(12, 1, *task.patch)
    trust = learn_trust(described(network, images.__getitem__, len(images)), None, None, 0.9)
    record = {"trust": trust.facts(), "learning": {"considered": ["dark_0@dark"]}, "published": "2020-01-01T00:00:00+00:00"}
    before = store.current(task)
    save_checkpoint(tmp_path / "bare.pt", task, network.state_dict(), record)
    refused = put(guarded, tmp_path / "bare.pt", Role.ADMINISTER, task, activate=True)
    assert refused.status_code == 409
    assert "lacks what its record says of its limits" in refused.json()["detail"]
    assert store.current(task) == before

    save_checkpoint(tmp_path / "whole.pt", task, network.state_dict(), record, trust.tensors())
    try:
        put(guarded, tmp_path / "whole.pt", Role.ADMINISTER, task, activate=True).raise_for_status()
        params = {"image": "dark_0", "output": "json"}
        answer = guarded.ask("POST", f"/infer/{task.name}", Role.ANNOTATE, params=params)
        assert answer.status_code == 200, answer.text
        assert answer.json()["out_of_distribution_score"] > 0
        kept = store.record(store.current(task))
        assert "learning" not in kept
        assert kept["uploaded"]["learning"] == record["learning"]
        assert kept["published"] > record["published"]
    finally:
        store.activate(task, before.number)
