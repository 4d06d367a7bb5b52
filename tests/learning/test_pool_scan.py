"""Looking at a served pool and ranking it."""

from __future__ import annotations

import nibabel as nib
import pytest
import torch

from crosslabel.checkpoints import ModelStore
from crosslabel.learning import PoolScanner
from crosslabel.learning.pool_scan import strategies_of
from crosslabel.store import Origin, Store
from crosslabel.tasks.building import network_of
from tiny import AFFINE, blobs, segmentation_task


@pytest.fixture
def task():
    return segmentation_task(active_learning={"new_labels": 2})


@pytest.fixture
def studies(tmp_path):
    folder = tmp_path / "studies"
    folder.mkdir()
    for seed in range(5):
        nib.save(nib.Nifti1Image(blobs(seed)[0], AFFINE), folder / f"mr_{seed}.nii.gz")
    with Store(folder) as store:
        store.scan()
        yield store


@pytest.fixture
def models(tmp_path):
    return ModelStore(tmp_path / "models")


def publish(models, task, seed=0):
    torch.manual_seed(seed)
    return models.publish(task, network_of(task).state_dict(), {})


def test_every_offered_strategy_gets_an_order_of_all_that_wait(task, studies, models):
    publish(models, task)
    report = PoolScanner(task, studies, models, device="cpu").run()
    assert (report.scored, report.problems, report.checkpoint) == (5, {}, "tiny_segmentation v1")
    for name in strategies_of(task):
        order = studies.rankings.get(task.name, name)
        assert sorted(one.image_id for one in order) == [f"mr_{n}" for n in range(5)], name
        assert all(one.sentence for one in order)


def test_strategies_that_compare_looks_or_versions_are_ranked_where_the_task_offers_them(studies, models):
    task = segmentation_task(active_learning={"offered": ["disagreement", "committee"], "looks": 2})
    publish(models, task)
    PoolScanner(task, studies, models, device="cpu").run()
    assert len(studies.rankings.get(task.name, "disagreement")) == 5
    assert studies.rankings.get(task.name, "committee") == [], "there is one version only"
    publish(models, task, seed=1)
    wider = {"name": "UNet", "arguments": {"channels": [6, 8], "strides": [2], "norm": "INSTANCE"}}
    publish(models, segmentation_task(network=wider), seed=2)
    publish(models, task, seed=3)
    PoolScanner(task, studies, models, device="cpu").run()
    order = studies.rankings.get(task.name, "committee")
    assert len(order) == 5
    assert order[0].score > order[-1].score > 0


def test_only_what_changed_is_looked_at_again(task, studies, models):
    publish(models, task)
    scanner = PoolScanner(task, studies, models, device="cpu")
    assert scanner.run().scored == 5
    assert scanner.run().scored == 0
    nib.save(nib.Nifti1Image(blobs(99)[0], AFFINE), studies.images.path("mr_3"))
    studies.scan()
    assert scanner.run().scored == 1
    publish(models, task, seed=1)
    assert scanner.run().scored == 5


def test_a_scan_that_is_stopped_goes_on_where_it_was(task, studies, models):
    publish(models, task)
    answers = iter([False, True])
    stopped = PoolScanner(task, studies, models, device="cpu", cancelled=lambda: next(answers)).run()
    assert (stopped.scored, stopped.finished) == (2, False)
    assert PoolScanner(task, studies, models, device="cpu").run().scored == 3


def test_without_a_model_typical_images_come_first_and_uncertainty_has_no_order(task, studies, models):
    report = PoolScanner(task, studies, models, device="cpu").run()
    assert report.checkpoint == ""
    assert len(studies.rankings.get(task.name, "default")) == 5
    assert studies.rankings.get(task.name, "entropy") == []


def test_a_damaged_image_is_named_and_the_others_are_ranked(task, studies, models):
    publish(models, task)
    path = studies.images.path("mr_2")
    path.write_bytes(path.read_bytes()[:-2000])
    studies.scan()
    report = PoolScanner(task, studies, models, device="cpu").run()
    assert list(report.problems) == ["mr_2"]
    assert len(studies.rankings.get(task.name, "entropy")) == 4
    assert PoolScanner(task, studies, models, device="cpu").run().scored == 0


def test_a_pool_of_one_and_one_with_nothing_left_are_ranked(task, studies, models, tmp_path):
    publish(models, task)
    nib.save(nib.Nifti1Image(blobs(0)[1], AFFINE), tmp_path / "label.nii.gz")
    for number in range(4):
        studies.labels.save_file(task.name, f"mr_{number}", tmp_path / "label.nii.gz", Origin("anna"))
    PoolScanner(task, studies, models, device="cpu").run()
    assert [one.image_id for one in studies.rankings.get(task.name, "default")] == ["mr_4"]
    studies.labels.save_file(task.name, "mr_4", tmp_path / "label.nii.gz", Origin("anna"))
    PoolScanner(task, studies, models, device="cpu").run()
    assert studies.rankings.get(task.name, "default") == []
