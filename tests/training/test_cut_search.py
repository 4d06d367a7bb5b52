"""The search for where to cut a backbone (TruncatedTL), through the job."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as Picture

from backbone_training import SHORT, task, train
from crosslabel.checkpoints import ModelStore
from crosslabel.data import labelled_cases
from crosslabel.errors import CheckpointError
from crosslabel.inference import load_predictor
from crosslabel.training import TrainingJob, read_curves, was_stopped
from crosslabel.training.curves import write_curves


def test_the_cut_is_searched_once_and_kept_with_the_checkpoint(pictures, weights, tmp_path):
    spec = task({"name": "truncated", "search_epochs": 1}, network={"name": "torchvision.resnet18"})
    store, version = train(spec, pictures, tmp_path, weights=weights)
    record = store.record(version)
    table = record["cut_search"]["candidates"]
    assert [row["cut"] for row in table if row["cut"] in ("layer1", "layer2", "layer3", "layer4")] == [
        f"layer{number}" for number in (1, 2, 3, 4)
    ]
    assert all(row["parameters"] and row["macs"] and row["latency_ms"] for row in table)
    assert [row["parameters"] for row in table] == sorted(row["parameters"] for row in table)
    assert all(row["standard_error"] > 0 for row in table)
    best = max(table, key=lambda row: row["metric"])
    least = best["metric"] - best["standard_error"]
    # In order of parameters, so the first is the smallest.
    assert record["network_found"] == {"cut": next(row["cut"] for row in table if row["metric"] >= least)}
    page = (tmp_path / "run" / "cuts.html").read_text()
    assert all(f"<td>{row['cut']}" in page for row in table)
    assert "data:image/png;base64," in page
    # Of the training alone, none of the candidates before it.
    ran = range(1, spec.training.epochs + 1)
    assert {tuple(epoch for epoch, _ in pairs) for pairs in read_curves(tmp_path / "run")["losses"].values()} == {tuple(ran)}
    write_curves(tmp_path / "run", tmp_path / "curves.html", "Curves")
    assert (tmp_path / "curves.html").read_text().count("data:image/png;base64,") == 2
    predictor = load_predictor(spec, store, "cpu")
    assert predictor.network.trunk.cut == record["network_found"]["cut"]

    again = TrainingJob(spec, labelled_cases(pictures, spec), store, tmp_path / "again", device="cpu", start_from=version).run()
    assert store.record(again)["network_found"] == record["network_found"]
    assert "cut_search" not in store.record(again)


def test_a_search_that_was_stopped_goes_on_without_training_a_cut_twice(pictures, tmp_path):
    spec = task({"name": "truncated", "search_epochs": 1}, network={"name": "torchvision.resnet18"})
    cases, store = labelled_cases(pictures, spec), ModelStore(tmp_path / "models")
    events = []

    def job(**settings):
        return TrainingJob(spec, cases, store, tmp_path / "run", device="cpu", on_event=events.append, **settings)

    assert job(cancelled=lambda: any("after layer2" in event.message for event in events)).run() is None
    assert (tmp_path / "run" / "cuts.json").is_file()
    events.clear()
    assert job().run(resume=True) is not None
    searched = [event.message for event in events if "Searching" in event.message]
    assert not any(message.endswith("after layer1.") for message in searched)
    assert any("after layer2" in message for message in searched)


def test_a_search_of_another_network_or_other_images_is_not_taken_over(pictures, tmp_path):
    def job(network, cases, **settings):
        spec = task({"name": "truncated", "search_epochs": 1}, network={"name": network})
        chosen = labelled_cases(pictures, spec)[cases]
        return TrainingJob(spec, chosen, ModelStore(tmp_path / "models"), tmp_path / "run", device="cpu", **settings)

    events = []
    stopped = job(
        "torchvision.resnet18",
        slice(None),
        on_event=events.append,
        cancelled=lambda: any("after layer2" in event.message for event in events),
    )
    assert stopped.run() is None
    assert was_stopped(tmp_path / "run")
    for network, cases in (("torchvision.resnet34", slice(None)), ("torchvision.resnet18", slice(2, None))):
        with pytest.raises(CheckpointError, match="The search for a cut that was stopped had"):
            job(network, cases).run(resume=True)
    assert job("torchvision.resnet18", slice(None)).run(resume=True) is not None
    assert not was_stopped(tmp_path / "run")


def test_a_search_in_which_nothing_was_learnt_says_that_its_choice_says_nothing(tmp_path):
    for number in range(12):
        # One picture under two names of a class, so that whatever is answered is right in half of the cases.
        path = tmp_path / "alike" / ("bright" if number % 2 else "dark") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Picture.fromarray(np.arange(1600, dtype=np.uint16).reshape(40, 40).astype(np.uint8)).save(path)
    settings = {**SHORT, "epochs": 1, "steps_per_epoch": 1}
    policy = {"name": "truncated", "search_epochs": 1}
    spec = task(policy, network={"name": "torchvision.resnet18"}, training=settings)
    store, version = train(spec, tmp_path / "alike", tmp_path)
    search = store.record(version)["cut_search"]
    assert {row["metric"] for row in search["candidates"]} == {0.5}
    assert search["warning"].startswith("No cut did better than chance")
    assert search["warning"] in (tmp_path / "run" / "cuts.html").read_text()
