from __future__ import annotations

import shutil
import signal
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
import torch

from crosslabel.checkpoints import ModelStore, seen_images
from crosslabel.data import labelled_cases, unlabelled_cases
from crosslabel.errors import CrossLabelError, DataError, TaskError
from crosslabel.images import read_image
from crosslabel.inference import load_predictor
from crosslabel.tasks.building import network_of
from crosslabel.training import State, read_curves
from crosslabel.training.adaptation import AdaptationCases, AdaptationJob, MethodComparison
from two_modalities import adaptation_task, write_domain


def adapt(task, cases, folder, **settings):
    store = ModelStore(folder / "models")
    return store, AdaptationJob(task, cases, store, folder / "run", device="cpu", **settings).run()


def test_a_job_publishes_a_version_that_segments_the_unlabelled_modality_and_says_how_it_was_chosen(tmp_path, cases, domains):
    task = adaptation_task(
        training={"epochs": 8, "steps_per_epoch": 12, "learning_rate": 0.02}, adaptation={"method": "self_training"}
    )
    events = []

    store, version = adapt(task, cases, tmp_path, on_event=events.append)

    record = store.record(version)
    assert record["method"]["name"] == "self_training"
    assert record["data"]["source"] == ["ct_00", "ct_01", "ct_02", "ct_03"]
    assert record["data"]["target"] == ["mr_50", "mr_51", "mr_52"]
    assert "no label of theirs was used" in record["metrics_on"]
    assert 0 < record["metrics"]["consistency"] <= 1
    assert [said["round"] for said in record["pseudo_labels"]] == [0, 1]
    assert set(record["pseudo_labels"][-1]["labels"]) == {"first", "second"}
    assert events[-1].state is State.FINISHED

    result = load_predictor(task, store, "cpu").predict(read_image(domains[1] / "imagesTr" / "mr_50.nii.gz"), augment=True)
    truth = np.asarray(nib.load(domains[1] / "labelsTr" / "mr_50.nii.gz").dataobj)
    # Told apart by little but their place once grey values are randomised, so in a short test both count as one.
    found, there = result.label > 0, truth > 0
    assert 2 * (found & there).sum() / (found.sum() + there.sum()) > 0.5
    assert set(result.quality) == {"first", "second"}


@pytest.mark.parametrize(
    "network",
    [
        {"name": "dar_unet", "arguments": {"channels": [4, 8]}},
        {"name": "UNet", "arguments": {"channels": [4, 8], "strides": [2], "norm": "BATCH"}},
    ],
    ids=["several heads and attention", "batch norm"],
)
def test_networks_with_several_heads_and_batch_norms_are_adapted_and_predict_alike_at_every_call(
    tmp_path, cases, domains, network
):
    task = adaptation_task(training={"epochs": 2, "validate_every": 1}, network=network)
    store, version = adapt(task, cases, tmp_path)
    assert store.record(version)["pseudo_labels"]
    image = read_image(domains[1] / "imagesTr" / "mr_50.nii.gz")
    first, second = (load_predictor(task, store, "cpu").predict(image, augment=True) for _ in range(2))
    np.testing.assert_array_equal(first.uncertainty, second.uncertainty)


@pytest.mark.parametrize("least", [3, 4])
def test_pseudo_labels_are_made_of_enough_target_images_alone(tmp_path, cases, least):
    task = adaptation_task(training={"epochs": 2}, adaptation={"least_images": least})
    store, version = adapt(task, cases, tmp_path)
    assert bool(store.record(version)["pseudo_labels"]) == (least <= len(cases.target) == 3)
    page = (tmp_path / "run" / "report.html").read_text()
    assert ("fewer than 4 target images" in page) == (least == 4)


@pytest.mark.parametrize(("before", "first"), [("self_training", 0), ("gin", 0), ("source_only", 2)])
def test_from_what_knows_the_target_pseudo_labels_teach_at_once(tmp_path, cases, before, first):
    task = adaptation_task(training={"epochs": 4, "validate_every": 1}, adaptation={"method": before})
    store, version = adapt(task, cases, tmp_path)
    further = adaptation_task(training={"epochs": 4, "validate_every": 1}, adaptation={"method": "self_training"})
    run = tmp_path / "further"

    published = AdaptationJob(further, cases, store, run, device="cpu", start_from=version).run()

    assert store.record(published)["started_from"] == version.name
    kept = [value for _, value in read_curves(run)["metrics"]["kept first"]]
    # Told at every validation since there are some.
    assert len(kept) == 4 - first


def test_clinicians_labels_join_and_decide_as_soon_as_some_can_be_held_back(tmp_path):
    task = adaptation_task(training={"validation_share": 0.2})
    source = labelled_cases(write_domain(tmp_path / "ct", "CT", 2), task)
    labelled = labelled_cases(write_domain(tmp_path / "mr", "MR", 6, 50), task)
    store, version = adapt(task, AdaptationCases(source, [replace(labelled[0], label=None), *labelled[1:]]), tmp_path)
    record = store.record(version)
    assert record["metrics_on"] == "held-back labelled target images"
    assert "dice" in record["metrics"]
    assert record["data"]["target"] == ["mr_50"]
    assert len(record["data"]["target_labelled"]) + len(record["data"]["target_validation"]) == 5


def test_a_label_that_the_first_weights_have_learnt_from_is_not_held_back(tmp_path):
    task = adaptation_task(training={"epochs": 1, "validation_share": 0.2})
    source = labelled_cases(write_domain(tmp_path / "ct", "CT", 2), task)
    target = labelled_cases(write_domain(tmp_path / "mr", "MR", 6, 50), task)
    unlabelled = replace(target[5], label=None)
    first = AdaptationCases(source, [*target[:4], unlabelled])
    store, version = adapt(task, first, tmp_path)
    # With a fifth label one of the first four, or it, would be held back.
    second = AdaptationCases(source, [*target[:5], unlabelled])
    fresh = AdaptationJob(task, second, store, tmp_path / "fresh", device="cpu").run()
    (held,) = store.record(fresh)["data"]["target_validation"]
    assert held in {case.id for case in target[:4]}, "else this test shows nothing"

    record = store.record(AdaptationJob(task, second, store, tmp_path / "on", device="cpu", start_from=version).run())

    assert record["data"]["target_validation"] == []
    assert record["data"]["target_labelled"] == [case.id for case in target[:5]]
    assert record["data"]["seen_before"] == [case.id for case in target[:4]]
    assert record["metric"] == "consistency"
    assert seen_images(record) == {case.id for case in target[:5]}


def test_one_corrupt_volume_among_many_is_set_aside_and_named(tmp_path, cases, domains):
    target = shutil.copytree(domains[1], tmp_path / "mr")
    (target / "imagesTr" / "mr_51.nii.gz").write_bytes(b"\x1f\x8b broken")
    store, version = adapt(adaptation_task(), AdaptationCases(cases.source, unlabelled_cases(target)), tmp_path)
    record = store.record(version)
    assert list(record["data"]["set_aside"]) == ["target: mr_51"]
    assert record["data"]["target"] == ["mr_50", "mr_52"]


def test_an_image_that_does_not_say_what_it_is_is_taken_for_what_it_was_given_as(tmp_path, domains):
    for folder, role in zip(domains, ("source", "target"), strict=True):
        for part in ("imagesTr", "labelsTr"):
            (tmp_path / role / part).mkdir(parents=True)
            for number, file in enumerate(sorted((folder / part).iterdir())):
                shutil.copy(file, tmp_path / role / part / f"case{role}{number}.nii.gz")
    task = adaptation_task(training={"epochs": 1})
    given = AdaptationCases(labelled_cases(tmp_path / "source", task), unlabelled_cases(tmp_path / "target"))
    store, version = adapt(task, given, tmp_path)
    assert len(store.record(version)["data"]["source"]) == 4
    assert len(store.record(version)["data"]["target"]) == 3


def empty_labels(folder):
    for file in (folder / "labelsTr").iterdir():
        nib.save(nib.Nifti1Image(np.zeros(nib.load(file).shape, np.uint8), nib.load(file).affine), file)


def strange_values(folder):
    for file in (folder / "labelsTr").iterdir():
        nib.save(nib.Nifti1Image(np.full(nib.load(file).shape, 9, np.uint8), nib.load(file).affine), file)


def labels_elsewhere(folder):
    for file in (folder / "labelsTr").iterdir():
        moved = nib.load(file).affine.copy()
        moved[:3, 3] += 5000
        nib.save(nib.Nifti1Image(np.asarray(nib.load(file).dataobj), moved), file)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (empty_labels, "Every source label is empty"),
        (strange_values, "the value 9, which task tiny_segmentation does not know"),
        (labels_elsewhere, "do not overlap"),
    ],
)
def test_a_source_that_cannot_teach_is_one_sentence(tmp_path, cases, domains, spoil, sentence):
    source = shutil.copytree(domains[0], tmp_path / "ct")
    spoil(source)
    task = adaptation_task()
    with pytest.raises(DataError, match=sentence):
        adapt(task, AdaptationCases(labelled_cases(source, task), cases.target), tmp_path)


def test_swapped_source_and_target_are_noticed(tmp_path, domains):
    task = adaptation_task()
    swapped = AdaptationCases(labelled_cases(domains[1], task), unlabelled_cases(domains[0]))
    with pytest.raises(DataError, match="were source and target swapped"):
        adapt(task, swapped, tmp_path)


def test_an_unknown_method_is_refused_with_those_there_are(tmp_path, cases):
    with pytest.raises(TaskError, match="use one of full"):
        adapt(adaptation_task(adaptation={"method": "magic"}), cases, tmp_path)


TRANSLATOR = {"epochs": 1, "steps_per_epoch": 1, "width": 4, "blocks": 1, "window": 32, "clusters": 2}


@pytest.mark.parametrize(
    ("method", "fills_at", "bytes_left"),
    [
        ("full", lambda event: event.epoch == 2, 6000),
        ("translation", lambda event: event.message.startswith("Restyling volume 2"), 100),
    ],
)
def test_a_full_disk_is_one_sentence_and_finished_work_stays(tmp_path, cases, method, fills_at, bytes_left):
    resource = pytest.importorskip("resource", reason="limits of file sizes exist on POSIX systems alone")
    settings = {"image_level": TRANSLATOR} if method == "translation" else {}
    task = adaptation_task(adaptation={"method": method, **settings})
    store = ModelStore(tmp_path / "models")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(event):
        if fills_at(event):
            resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_left, before[1]))

    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with pytest.raises(CrossLabelError, match=r"disk of .*run.* is full; free some space and resume"):
            AdaptationJob(task, cases, store, tmp_path / "run", device="cpu", on_event=fill).run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert AdaptationJob(task, cases, store, tmp_path / "run", device="cpu").run(resume=True) is not None


def test_until_the_last_of_several_methods_is_done_what_was_served_stays_served(tmp_path, cases):
    store, served = adapt(adaptation_task(training={"epochs": 1}), cases, tmp_path)
    ends = []

    def look(event):
        if event.state is State.FINISHED:
            ends.append(store.current(adaptation_task()))

    methods = ["gin", "source_only"]
    comparison = MethodComparison(adaptation_task(), methods, cases, store, tmp_path / "both", device="cpu", on_event=look)
    best = comparison.run()
    assert ends == [served, served]
    assert best in store.versions(adaptation_task())[1:]
    assert store.current(adaptation_task()) == best


def test_methods_that_another_run_had_compared_are_not_taken_for_this_ones(tmp_path, cases):
    store, methods, events = ModelStore(tmp_path / "models"), ["gin", "source_only"], []
    task = adaptation_task(training={"epochs": 1, "steps_per_epoch": 1})
    MethodComparison(task, methods, cases, store, tmp_path / "both", device="cpu").run()
    stopped = MethodComparison(task, methods, cases, store, tmp_path / "both", device="cpu", cancelled=lambda: True)
    assert stopped.run() is None

    again = MethodComparison(task, methods, cases, store, tmp_path / "both", device="cpu", on_event=events.append)
    assert again.run(resume=True).number in (3, 4)
    assert sum(event.state is State.FINISHED for event in events) == 2


def finds_nothing(store, task):
    """Publishes a trained version of a task that takes everything for background."""
    torch.manual_seed(0)
    weights = network_of(task).state_dict()
    bias = list(weights)[-1]
    assert weights[bias].shape == (len(task.output_names),)
    weights[bias][0] = 1e3
    return store.publish(task, weights, {})


@pytest.mark.parametrize("methods", [["gin"], ["gin", "source_only"]], ids=["one method", "several"])
def test_what_finds_nothing_takes_the_place_of_nothing_that_was_trained(tmp_path, cases, methods):
    task = adaptation_task(training={"epochs": 1, "steps_per_epoch": 1, "learning_rate": 1e-9}, adaptation={"method": "gin"})
    store, events = ModelStore(tmp_path / "models"), []
    served = finds_nothing(store, task)
    settings = {"device": "cpu", "start_from": served, "on_event": events.append}

    if len(methods) == 1:
        version = AdaptationJob(task, cases, store, tmp_path / "run", **settings).run()
        assert "v1 stays served" in events[-1].message
    else:
        version = MethodComparison(task, methods, cases, store, tmp_path / "run", **settings).run()

    assert store.record(version)["metrics"]["consistency"] == 0.0
    assert version in store.versions(task)[1:]
    assert store.current(task) == served
