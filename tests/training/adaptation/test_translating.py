"""Adaptations whose image-level method is trained first."""

from __future__ import annotations

import json
import shutil

import nibabel as nib
import pytest
import torch
import yaml

from crosslabel.checkpoints import ModelStore
from crosslabel.data import labelled_cases, unlabelled_cases
from crosslabel.errors import CheckpointError
from crosslabel.optimisation import read_curves
from crosslabel.tasks import load_task
from crosslabel.training.adaptation import AdaptationCases, AdaptationJob
from networks.published_translator_reference import published_parts
from two_modalities import adaptation_task, write_domain


def adapt(task, cases, folder, **settings):
    store = ModelStore(folder / "models")
    return store, AdaptationJob(task, cases, store, folder / "run", device="cpu", **settings).run()


TRANSLATOR = {
    "width": 4,
    "blocks": 1,
    "style_steps": 2,
    "judge_steps": 2,
    "epochs": 1,
    "steps_per_epoch": 1,
    "batch_size": 1,
    "clusters": 2,
}


def translating_task(method="translation", **image_level):
    training = {"epochs": 1, "steps_per_epoch": 1}
    return adaptation_task(training=training, adaptation={"method": method, "image_level": {**TRANSLATOR, **image_level}})


def test_a_task_file_may_name_a_published_translator(tmp_path, cases):
    path = tmp_path / "enc_0040.pt"
    torch.save({name: part.state_dict() for name, part in published_parts(0).items()}, path)
    content = translating_task(checkpoint=str(path)).model_dump(mode="json", by_alias=True)
    (tmp_path / "tiny_segmentation.yaml").write_text(yaml.safe_dump(content))
    events = []

    store, version = adapt(load_task(tmp_path / "tiny_segmentation.yaml"), cases, tmp_path, on_event=events.append)

    assert store.record(version)["method"]["styles"] == 2
    assert not any("reconstruction" in event.losses for event in events)


def test_a_translator_is_shared_whatever_it_is_combined_with_and_refused_to_other_images_of_the_same_names(tmp_path, domains):
    source = shutil.copytree(domains[0], tmp_path / "ct")
    task = translating_task()
    given = AdaptationCases(labelled_cases(source, task), unlabelled_cases(domains[1]))
    shared = tmp_path / "adapter"
    adapt(task, given, tmp_path / "alone", adapter_dir=shared)
    (weights,) = tmp_path.rglob("translator.pt")
    written = weights.stat().st_mtime_ns

    adapt(translating_task("translation_gin"), given, tmp_path / "chained", adapter_dir=shared)
    assert list(tmp_path.rglob("translator.pt")) == [weights]
    assert weights.stat().st_mtime_ns == written

    changed = source / "imagesTr" / "ct_00.nii.gz"
    image = nib.load(changed)
    nib.save(nib.Nifti1Image(-image.get_fdata(), image.affine), changed)
    store = ModelStore(tmp_path / "models")
    job = AdaptationJob(task, given, store, tmp_path / "resumed", device="cpu", adapter_dir=shared)
    with pytest.raises(CheckpointError, match="translator for other images"):
        job.run(resume=True)
    assert weights.stat().st_mtime_ns == written

    # Whoever begins anew has said that what was there may go.
    assert job.run() is not None
    assert weights.stat().st_mtime_ns > written


def test_what_is_set_aside_is_told_once_however_long_a_translator_is_fitted(tmp_path, domains):
    source = shutil.copytree(domains[0], tmp_path / "ct")
    (source / "labelsTr" / "ct_00.nii.gz").write_bytes(b"\x1f\x8b broken")
    task, events = translating_task(), []
    adapt(task, AdaptationCases(labelled_cases(source, task), unlabelled_cases(domains[1])), tmp_path, on_event=events.append)
    assert sum("fitting" in event.message or "Restyling" in event.message for event in events) > 1
    assert [list(event.set_aside) for event in events if event.set_aside] == [["source: ct_00"]]


@pytest.mark.parametrize("method", ["histogram", "translation"])
def test_with_a_label_for_every_target_image_image_level_methods_are_fitted_on_those_that_are_not_held_back(tmp_path, method):
    task = adaptation_task(
        training={"epochs": 1, "steps_per_epoch": 1, "validation_share": 0.2},
        adaptation={"method": method, "image_level": TRANSLATOR if method == "translation" else {}},
    )
    source = labelled_cases(write_domain(tmp_path / "ct", "CT", 2), task)
    target = labelled_cases(write_domain(tmp_path / "mr", "MR", 6, 50), task)
    store, version = adapt(task, AdaptationCases(source, target), tmp_path)
    record = store.record(version)
    learnt_from = record["data"]["target_labelled"]
    assert record["data"]["target_validation"]
    if method == "histogram":
        assert record["method"]["volumes that histograms were matched to"] == len(learnt_from)
    else:
        claim = json.loads((tmp_path / "run" / "adapter" / "translation" / "fit.json").read_text())
        assert list(claim["target"]) == learnt_from


def test_the_training_of_a_translator_is_told_with_times_kept_as_curves_of_its_own_and_counted(tmp_path, cases):
    events = []
    task = translating_task("translation_gin", epochs=3)

    store, version = adapt(task, cases, tmp_path, on_event=events.append)

    told = [event for event in events if "fitting translation+gin: " in event.message]
    assert [event.message.partition(": ")[2] for event in told] == ["0 of 3", "1 of 3", "2 of 3", "3 of 3"]
    assert told[1].eta_seconds > 0
    assert told[3].elapsed_seconds > told[1].elapsed_seconds > 0
    assert [event.job_seconds for event in events] == sorted(event.job_seconds for event in events)
    assert store.record(version)["seconds"] >= round(told[3].job_seconds, 1)
    kept = read_curves(tmp_path / "run" / "adapter" / "translation")["losses"]
    assert [epoch for epoch, _ in kept["reconstruction"]] == [1, 2, 3]
    assert "reconstruction" not in read_curves(tmp_path / "run")["losses"]
    report = (tmp_path / "run" / "report.html").read_text()
    assert "Training of the image-level method" in report
