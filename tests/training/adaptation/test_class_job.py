"""Classifiers adapted to images of another centre, of which no class is looked at."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from crosslabel.checkpoints import ModelStore, seen_images
from crosslabel.data import given_as, images_of_any_class, labelled_cases
from crosslabel.errors import CheckpointError, DataError, TaskError
from crosslabel.images import Modality, read_image
from crosslabel.inference import load_predictor
from crosslabel.optimisation import processes
from crosslabel.training import TrainingJob
from crosslabel.training.adaptation import AdaptationCases, AdaptationJob, ClassAdaptationJob
from crosslabel.training.prepared_cases import PreparedCases
from tiny import segmentation_task
from two_centres import CLASSES, centres_task, write_centre


@pytest.fixture(scope="module")
def centres(tmp_path_factory):
    root = tmp_path_factory.mktemp("centres")
    return write_centre(root / "source", "source", 15), write_centre(root / "target", "target", 10, seed=1)


@pytest.fixture
def cases(centres):
    source, target = centres
    return AdaptationCases(labelled_cases(source, centres_task()), images_of_any_class(target, centres_task()))


def adapt(task, cases, folder, **settings):
    store = ModelStore(folder / "models")
    return store, ClassAdaptationJob(task, cases, store, folder / "run", device="cpu", **settings).run()


def balanced_accuracy(task, store, folder):
    predictor = load_predictor(task, store, "cpu")
    return np.mean([predictor.predict(read_image(path)).best == name for name in CLASSES for path in (folder / name).iterdir()])


def test_batch_norms_of_the_target_answer_where_those_of_the_source_do_not(centres, cases, tmp_path):
    right = {}
    for method in ("source_only", "norms"):
        task = centres_task(adaptation={"method": method}, augmentation={"basic": 0})
        store, version = adapt(task, cases, tmp_path / method)
        assert store.record(version)["metrics"]["balanced accuracy"] > 0.9
        right[method] = balanced_accuracy(task, store, centres[1])
    assert right["norms"] >= 0.8
    assert right["norms"] > right["source_only"] + 0.2


def test_the_published_statistics_are_those_of_the_target_images(cases, tmp_path):
    task = centres_task(adaptation={"method": "full"})
    store, _ = adapt(task, cases, tmp_path)
    state = store.load(task).state
    target = PreparedCases(task, given_as(task.domains.target, cases.target))
    images = torch.stack([target[index].image for index in range(len(target))])
    maps = torch.nn.functional.conv2d(images, state["trunk.conv1.weight"], stride=2, padding=3)
    mean = maps.mean(dim=(0, 2, 3))
    torch.testing.assert_close(state["trunk.bn1.running_mean"], mean, rtol=1e-4, atol=1e-5)


def test_any_number_of_target_images_has_statistics_but_one(cases, tmp_path):
    # The last layers of a whole backbone see a single pixel of these pictures.
    whole = {"network": {"name": "torchvision.resnet18"}, "training": {"epochs": 1, "steps_per_epoch": 1, "batch_size": 2}}
    seventeen = AdaptationCases(cases.source, cases.target[:17])
    store, version = adapt(centres_task(**whole), seventeen, tmp_path)
    assert len(store.record(version)["data"]["target"]) == 17
    with pytest.raises(DataError, match="One target image has no statistics"):
        adapt(centres_task(**whole), AdaptationCases(cases.source, cases.target[:1]), tmp_path)


def test_an_adaptation_goes_on_from_a_version(cases, tmp_path):
    task = centres_task(adaptation={"method": "gin"})
    store, first = adapt(task, cases, tmp_path)
    further = centres_task(training={"epochs": 1, "steps_per_epoch": 1, "batch_size": 2, "learning_rate": 1e-9})
    second = ClassAdaptationJob(further, cases, store, tmp_path / "further", device="cpu", start_from=first).run()
    assert store.record(second)["started_from"] == first.name
    name = "trunk.conv1.weight"
    torch.testing.assert_close(store.load(task, second).state[name], store.load(task, first).state[name])


def test_weights_of_another_network_are_refused_before_a_translator_is_fitted(cases, tmp_path):
    torch.save({"trunk.conv1.weight": torch.zeros(3, 3)}, tmp_path / "other.pt")
    task = centres_task(adaptation={"method": "cyclegan"})
    with pytest.raises(CheckpointError, match="holds the weights of another network"):
        adapt(task, cases, tmp_path, weights=tmp_path / "other.pt")
    assert not (tmp_path / "run" / "adapter").exists()


def test_source_and_target_that_were_swapped_are_found_where_images_say_what_they_are(cases, tmp_path):
    window = {"rule": "window", "lower": 0, "upper": 255}
    ct, mr = ({"name": name, "modality": name.upper(), "intensity": window} for name in ("ct", "mr"))
    source, target = (
        [replace(case, modality=modality) for case in each]
        for each, modality in ((cases.source, Modality.MR), (cases.target, Modality.CT))
    )
    with pytest.raises(DataError, match="were source and target swapped"):
        adapt(centres_task(domains={"target": mr, "sources": [ct]}), AdaptationCases(source, target), tmp_path)


def test_classes_of_target_images_are_not_looked_at(centres, cases, tmp_path):
    task = centres_task(training={**centres_task().training.model_dump(), "epochs": 1})
    first, version = adapt(task, cases, tmp_path / "first")
    swapped = tmp_path / "swapped"
    for name, other in zip(CLASSES, reversed(CLASSES), strict=True):
        shutil.copytree(centres[1] / name, swapped / other)
    images = sorted(images_of_any_class(swapped, task), key=lambda case: [case.id.split("/")[0] == "plain", case.id])
    given = sorted(cases.target, key=lambda case: [case.id.split("/")[0] == "striped", case.id])
    second, _ = adapt(task, AdaptationCases(cases.source, images), tmp_path / "second")
    ordered, _ = adapt(task, AdaptationCases(cases.source, given), tmp_path / "ordered")
    assert first.record(version)["data"]["target"] == [case.id for case in cases.target]
    torch.testing.assert_close(second.load(task).state, ordered.load(task).state)


@pytest.mark.parametrize("method", ["gin", "histogram"])
def test_a_stopped_adaptation_goes_on_to_the_same_weights(cases, tmp_path, method):
    task = centres_task(adaptation={"method": method})
    whole, _ = adapt(task, cases, tmp_path / "whole")
    events = []
    settings = {"on_event": events.append, "cancelled": lambda: events[-1].epoch >= 2}
    assert adapt(task, cases, tmp_path / "stopped", **settings)[1] is None
    store = ModelStore(tmp_path / "stopped" / "models")
    assert ClassAdaptationJob(task, cases, store, tmp_path / "stopped" / "run", device="cpu").run(resume=True) is not None
    torch.testing.assert_close(store.load(task).state, whole.load(task).state)


def test_what_begins_with_a_version_has_seen_what_that_has_seen(centres, cases, tmp_path):
    task = centres_task(adaptation={"method": "gin"})
    store = ModelStore(tmp_path / "models")
    known = labelled_cases(centres[1], task)[:6] + labelled_cases(centres[1], task)[-6:]
    taught = TrainingJob(task, known, store, tmp_path / "taught", device="cpu").run()
    store, version = adapt(task, cases, tmp_path, start_from=taught)
    record = store.record(version)
    assert record["started_from"] == taught.name
    assert seen_images(record) == set(store.record(taught)["data"]["training"])


def test_the_report_shows_answers_on_target_images_and_what_was_made_of_the_source(cases, tmp_path):
    settings = {"width": 2, "blocks": 1, "epochs": 1, "steps_per_epoch": 2, "batch_size": 1}
    task = centres_task(adaptation={"method": "cyclegan", "image_level": settings})
    store, version = adapt(task, cases, tmp_path)
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Answers on target images" in page
    assert "striped/0: " in page
    assert "Training of the image-level method" in page
    shares = store.record(version)["target_answers"]
    assert set(shares) == set(CLASSES)
    assert sum(shares.values()) == pytest.approx(1, abs=1e-3)


def test_new_images_of_the_target_are_like_what_it_is_for_and_those_of_the_source_are_not(centres, cases, tmp_path):
    task = centres_task()
    store, _ = adapt(task, cases, tmp_path)
    predictor = load_predictor(task, store, "cpu")
    new = write_centre(tmp_path / "new", "target", 5, seed=2)
    answers = {
        folder: [predictor.predict(read_image(path)).in_distribution for path in sorted(folder.rglob("*.png"))]
        for folder in (new, centres[0])
    }
    assert np.mean(answers[new]) > 0.7
    assert np.mean(answers[centres[0]]) < 0.1


def test_what_cannot_be_adapted_is_refused(cases, tmp_path):
    def job(task, cases=cases, kind=ClassAdaptationJob):
        return kind(task, cases, ModelStore(tmp_path / "models"), tmp_path / "run", device="cpu")

    with pytest.raises(DataError, match="Classes of target images do not take part"):
        job(centres_task(), AdaptationCases(cases.source, cases.source)).run()
    with pytest.raises(DataError, match="There is no target image"):
        job(centres_task(), AdaptationCases(cases.source, [])).run()
    alone = centres_task(domains={"target": centres_task().domains.target.model_dump(mode="json", by_alias=True)})
    with pytest.raises(DataError, match="names no source domain"):
        job(alone).run()
    with pytest.raises(DataError, match="tiny_segmentation is a segmentation"):
        job(segmentation_task()).run()
    with pytest.raises(DataError, match="two_centres is a classification"):
        job(centres_task(adaptation={"method": "gin"}), kind=AdaptationJob).run()
    with pytest.raises(TaskError, match="no method of adaptation 'structures' for a classification; use one of full, norms"):
        job(centres_task(adaptation={"method": "structures"}))


@pytest.mark.parametrize("policy", ["head", {"name": "truncated"}])
def test_several_processes_do_not_freeze_or_cut_layers(cases, tmp_path, monkeypatch, policy):
    monkeypatch.setattr(processes, "count", lambda: 2)
    task = centres_task(transfer={"policy": policy})
    job = ClassAdaptationJob(task, cases, ModelStore(tmp_path / "models"), tmp_path / "run", device="cpu")
    with pytest.raises(TaskError, match="freezes or cuts layers, which one process has to do"):
        job.check()
    plain = centres_task(transfer={"policy": "full"})
    ClassAdaptationJob(plain, cases, ModelStore(tmp_path / "models"), tmp_path / "run", device="cpu").check()
