from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from crosslabel.adaptation.image_level import Unchanged
from crosslabel.data import labelled_cases
from crosslabel.tasks.building import network_of
from crosslabel.training.adaptation import METHODS, AdaptationCases
from crosslabel.training.adaptation.data import prepare_data
from crosslabel.training.adaptation.mixture import Teaching, kind_of_patch, labels_lead, mixture
from crosslabel.training.adaptation.objective import AdaptationObjective
from crosslabel.training.segmentation import SegmentationObjective
from two_modalities import adaptation_task, write_domain


@pytest.fixture(scope="module")
def all_labelled(tmp_path_factory):
    root = tmp_path_factory.mktemp("all_labelled")
    task = adaptation_task()
    source = labelled_cases(write_domain(root / "ct", "CT", 2), task)
    return AdaptationCases(source, labelled_cases(write_domain(root / "mr", "MR", 3, 50), task))


def objective_of(task, cases, folder):
    network = network_of(task)
    data = prepare_data(task, cases)
    args = (task, data, METHODS["full"], Unchanged(), network, folder, lambda: False, 2**30)
    return AdaptationObjective(*args), data, network


def test_with_all_target_labels_it_is_ordinary_fine_tuning(tmp_path, all_labelled):
    task = adaptation_task()
    objective, data, network = objective_of(task, all_labelled, tmp_path)
    ordinary = SegmentationObjective(task, data.labelled, data.held, torch.device("cpu"))
    for epoch, draw in ((0, 0), (0, 2), (3, 1)):
        objective.begin_epoch(network, epoch)
        ours, theirs = objective.losses(network, epoch, draw), ordinary.losses(network, epoch, draw)
        for name in ("focal", "dice"):
            torch.testing.assert_close(ours[name], theirs[name])


def test_without_any_target_label_only_the_source_teaches_before_the_first_round(tmp_path, all_labelled):
    task = adaptation_task()
    unlabelled = replace(all_labelled, target=[replace(case, label=None) for case in all_labelled.target])
    objective, data, network = objective_of(task, unlabelled, tmp_path)
    supervised = SegmentationObjective(task, data.source, data.held, torch.device("cpu"))
    torch.testing.assert_close(objective.losses(network, 0, 1)["dice"], supervised.losses(network, 0, 1)["dice"])


@given(st.integers(0, 200), st.floats(0.01, 1), st.integers(0, 50))
def test_the_shares_of_patches_sum_to_one(labelled, unlabelled, pseudo):
    assert sum(mixture(labelled, unlabelled, pseudo=pseudo).values()) == pytest.approx(1)


def test_few_pseudo_labels_count_for_little():
    shares = [mixture(0, 1, pseudo=count)[Teaching.PSEUDO] for count in range(12)]
    assert shares[0] == 0
    assert shares[2] == pytest.approx(1 / 3)
    assert shares[4] == pytest.approx(1 / 2)
    assert shares[8] == shares[11] == pytest.approx(2 / 3)
    assert (np.diff(shares) >= 0).all()


@pytest.mark.parametrize("images", [20, 200])
def test_labels_take_over_smoothly(images):
    shares = [mixture(count, 1 - count / images, pseudo=8) for count in range(images + 1)]
    labelled = [share[Teaching.LABELLED] for share in shares]
    assert shares[0] == pytest.approx({Teaching.LABELLED: 0, Teaching.SOURCE: 1 / 3, Teaching.PSEUDO: 2 / 3})
    assert shares[-1] == {Teaching.LABELLED: 1, Teaching.SOURCE: 0, Teaching.PSEUDO: 0}
    steps = np.diff(labelled)
    assert (steps > 0).all()
    assert steps.max() < 0.36, "nothing jumps"
    assert (np.diff(steps[1:]) < 0).all(), "from the second on, each label changes less than the one before"


def test_ten_labels_outweigh_any_number_of_images_without_one():
    assert mixture(10, 0.99, pseudo=1000)[Teaching.LABELLED] > 0.95


@given(st.integers(0, 20), st.integers(0, 10_000))
def test_kinds_of_patches_come_as_often_as_their_share(labelled, start):
    shares = mixture(labelled, 1 - labelled / 20, pseudo=8)
    kinds = [kind_of_patch(shares, start + number) for number in range(300)]
    for kind, expected in shares.items():
        assert kinds.count(kind) / 300 == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize(("labelled", "leads"), [(0, False), (1, False), (2, True), (50, True)])
def test_labels_lead_from_the_second_of_a_hundred_images_on(labelled, leads):
    assert labels_lead(labelled, 1 - labelled / 100) is leads
    assert (mixture(labelled, 1 - labelled / 100, pseudo=8)[Teaching.LABELLED] >= 0.5) is leads


def test_once_labels_lead_the_training_is_kept_at_its_end(tmp_path, all_labelled):
    task = adaptation_task()
    led, _, _ = objective_of(task, all_labelled, tmp_path / "led")
    nobody = replace(all_labelled, target=[replace(case, label=None) for case in all_labelled.target])
    chosen, _, _ = objective_of(task, nobody, tmp_path / "chosen")
    assert led.first_candidate == task.training.epochs
    assert chosen.first_candidate < task.training.epochs
