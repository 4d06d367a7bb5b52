from __future__ import annotations

import json
import multiprocessing
import pickle
from pathlib import Path

import pytest
import torch

import tiny
from crosslabel.checkpoints import BeingTrainedError, ModelStore, load_checkpoint, save_checkpoint
from crosslabel.errors import CheckpointError, NotFoundError
from crosslabel.inference import fill_network, load_predictor
from crosslabel.tasks.building import network_of

TASK = tiny.segmentation_task()


def weights(seed: int = 0) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return network_of(TASK).state_dict()


def publish(folder: Path, count: int) -> None:
    for _ in range(count):
        ModelStore(folder).publish(TASK, weights(), {})


def test_versions_are_counted_kept_and_can_be_rolled_back(tmp_path):
    store = ModelStore(tmp_path)
    assert store.current(TASK) is None

    first = store.publish(TASK, weights(1), {"metrics": {"dice": 0.5}})
    second = store.publish(TASK, weights(2), {"metrics": {"dice": 0.6}})

    assert [version.name for version in store.versions(TASK)] == [
        "tiny_segmentation v1",
        "tiny_segmentation v2",
    ]
    assert store.current(TASK) == second
    assert store.record(first)["metrics"] == {"dice": 0.5}
    store.activate(TASK, 1)
    assert ModelStore(tmp_path).current(TASK) == first
    loaded = store.load(TASK)
    assert all(torch.equal(loaded.state[name], tensor) for name, tensor in weights(1).items())


def test_a_version_that_is_not_activated_is_kept_and_not_served(tmp_path):
    store = ModelStore(tmp_path)
    first = store.publish(TASK, weights(1), {})
    store.publish(TASK, weights(2), {}, activate=False)
    assert store.current(TASK) == first
    assert len(store.versions(TASK)) == 2


def test_processes_that_publish_at_once_never_share_a_version(tmp_path):
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=publish, args=(tmp_path, 5)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)

    store = ModelStore(tmp_path)
    assert [version.number for version in store.versions(TASK)] == list(range(1, 16))
    for version in store.versions(TASK):
        assert store.load(TASK, version).state.keys() == weights().keys()
    assert not list((tmp_path / TASK.name).glob(".*"))


def test_a_demonstration_checkpoint_is_served_until_a_version_is_trained(tmp_path):
    task = tiny.segmentation_task(checkpoint="sample.pt")
    save_checkpoint(tmp_path / "samples" / "sample.pt", task, weights(), {"demonstration": True})
    store = ModelStore(tmp_path / "models", samples=tmp_path / "samples")

    assert store.current(task).demonstration
    assert load_predictor(task, store, "cpu").demonstration
    assert store.trained(task) is None
    published = store.publish(task, weights(), {})
    assert store.trained(task) == published
    assert not load_predictor(task, store, "cpu").demonstration


def test_a_task_without_a_checkpoint_refuses_to_predict(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint yet, so it cannot predict; train it with"):
        load_predictor(TASK, ModelStore(tmp_path))


def test_a_missing_version_is_named(tmp_path):
    store = ModelStore(tmp_path)
    store.publish(TASK, weights(), {})
    with pytest.raises(NotFoundError, match=r"no version 4; it has \[1\]"):
        store.activate(TASK, 4)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"spacing": [1.0, 1.0, 1.0]}, "spacing"),
        ({"network": {"name": "SegResNet", "arguments": {}}}, "network"),
        ({"network": {**TASK.network.model_dump(), "input": "mind"}}, "network"),
        ({"labels": [{"name": "other", "value": 1, "color": "#000000"}]}, "outputs"),
    ],
)
def test_a_checkpoint_of_another_architecture_names_the_difference(tmp_path, change, field):
    path = tmp_path / "weights.pt"
    save_checkpoint(path, TASK, weights(), {})
    with pytest.raises(CheckpointError, match=f"was trained with {field}"):
        load_checkpoint(path, tiny.segmentation_task(**change))


def test_weights_of_another_shape_name_the_first_parameter(tmp_path):
    state = weights()
    name = next(iter(state))
    state[name] = state[name][:1].clone()
    path = tmp_path / "weights.pt"
    save_checkpoint(path, TASK, state, {})
    with pytest.raises(CheckpointError, match=f"another network: '{name}'"):
        fill_network(TASK, load_checkpoint(path, TASK))


class _Evil:
    def __reduce__(self):
        return (Path("evil_was_here").touch, ())


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", pickle.dumps(_Evil()), b"PK\x03\x04 truncated"])
def test_files_that_are_no_checkpoint_are_refused_and_no_code_runs(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "weights.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"damaged|could run code"):
        load_checkpoint(path, TASK)
    assert not (tmp_path / "evil_was_here").exists()


def test_other_files_of_torch_are_refused(tmp_path):
    torch.save({"state_dict": weights()}, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match="no checkpoint of CrossLabel"):
        load_checkpoint(tmp_path / "other.pt", TASK)


def test_the_derived_strides_of_the_network_are_written_down(tmp_path):
    task = tiny.segmentation_task(spacing=[1.0, 1.0, 4.0], network={"name": "dar_unet", "arguments": {"channels": [8, 8, 16]}})
    path = tmp_path / "weights.pt"
    save_checkpoint(path, task, network_of(task).state_dict(), {})
    description = json.loads(torch.load(path, weights_only=True)["description"])
    assert description["arguments"]["strides"] == [[2, 2, 1], [2, 2, 1]]


def test_one_process_at_a_time_may_train_a_task(tmp_path):
    store, task = ModelStore(tmp_path), tiny.segmentation_task()
    with store.only_trainer(task):
        with pytest.raises(BeingTrainedError, match="being trained by another process"):
            ModelStore(tmp_path).check_not_trained(task)
        ModelStore(tmp_path).check_not_trained(tiny.segmentation_task(name="another"))
    store.check_not_trained(task)
