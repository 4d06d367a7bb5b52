from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from crosslabel.tasks import BalanceSpec
from crosslabel.tasks.decision import least_costly
from crosslabel.transfer import ClassLoss, class_probabilities

LOGITS = torch.tensor([[2.0, -1.0, 0.3], [0.1, 0.2, -0.4], [-1.0, 0.0, 3.0], [0.5, 0.5, 0.5]])
CLASSES = torch.tensor([0, 2, 2, 1])
COUNTS = [90, 9, 1]


def loss(**settings) -> float:
    balance = BalanceSpec(**settings)
    return float(ClassLoss(balance, class_probabilities(COUNTS, balance))(LOGITS, F.one_hot(CLASSES, 3).float()))


def test_classes_are_drawn_as_the_sampling_says():
    np.testing.assert_allclose(class_probabilities(COUNTS, BalanceSpec(sampling="natural")), [0.9, 0.09, 0.01])
    np.testing.assert_allclose(class_probabilities(COUNTS, BalanceSpec(sampling="balanced")), [1 / 3] * 3)
    np.testing.assert_allclose(class_probabilities([5, 0, 2], BalanceSpec(sampling="balanced")), [0.5, 0, 0.5])
    effective = np.array([count / sum(0.9**step for step in range(count)) for count in COUNTS])
    found = class_probabilities(COUNTS, BalanceSpec(sampling="effective", effective_beta=0.9))
    np.testing.assert_allclose(found, effective / effective.sum())


@pytest.mark.parametrize(("beta", "like"), [(1e-6, "natural"), (1 - 1e-9, "balanced")])
def test_effective_numbers_lie_between_natural_and_balanced(beta, like):
    found = class_probabilities([90, 9, 0, 1], BalanceSpec(sampling="effective", effective_beta=beta))
    np.testing.assert_allclose(found, class_probabilities([90, 9, 0, 1], BalanceSpec(sampling=like)), atol=1e-4)


def test_cross_entropy_and_its_smoothing_are_pytorchs():
    assert loss() == pytest.approx(float(F.cross_entropy(LOGITS, CLASSES)))
    expected = float(F.cross_entropy(LOGITS, CLASSES, label_smoothing=0.1))
    assert loss(label_smoothing=0.1) == pytest.approx(expected)


def test_weights_are_inverse_to_the_number_of_images():
    probabilities = LOGITS.softmax(dim=1)
    weights = [100 / (3 * count) for count in COUNTS]
    expected = np.mean([-weights[c] * np.log(probabilities[n, c].item()) for n, c in enumerate(CLASSES.tolist())])
    assert loss(loss="weighted", sampling="natural") == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("sampling", ["balanced", "natural", "effective"])
def test_weighted_classes_count_alike_however_they_are_drawn(sampling):
    balance = BalanceSpec(loss="weighted", sampling=sampling)
    likelihood = class_probabilities([90, 9, 0, 1], balance)
    shares = likelihood * ClassLoss(balance, likelihood).weights.numpy()
    np.testing.assert_allclose(shares, [1 / 3, 1 / 3, 0, 1 / 3], rtol=1e-5)


def test_certainty_has_a_slope_for_a_focal_exponent_below_one():
    logits = torch.tensor([[100.0, 0.0]], requires_grad=True)
    spec = BalanceSpec(loss="focal", focal_gamma=0.5)
    ClassLoss(spec, np.array([0.5, 0.5]))(logits, torch.tensor([[1.0, 0.0]])).backward()
    assert torch.isfinite(logits.grad).all()


def test_the_focal_loss_is_the_published_formula():
    right = LOGITS.softmax(dim=1)[range(4), CLASSES].numpy()
    expected = float(np.mean(-((1 - right) ** 1.5) * np.log(right)))
    assert loss(loss="focal", focal_gamma=1.5) == pytest.approx(expected, rel=1e-5)
    assert loss(loss="focal", focal_gamma=0.0) == pytest.approx(loss())


def test_a_mixed_target_is_the_mixture_of_the_losses():
    mixed = torch.tensor([[0.7, 0.3, 0.0]])
    compute = ClassLoss(BalanceSpec(), np.full(3, 1 / 3))
    parts = [float(F.cross_entropy(LOGITS[:1], torch.tensor([c]))) for c in (0, 1)]
    assert float(compute(LOGITS[:1], mixed)) == pytest.approx(0.7 * parts[0] + 0.3 * parts[1])


@pytest.mark.parametrize(
    ("costs", "expected"),
    [({}, "healthy"), ({"ill": {"healthy": 5}}, "ill"), ({"ill": {"healthy": 2}}, "healthy"), ({"healthy": {"ill": 0}}, "ill")],
)
def test_the_answer_is_the_class_of_least_expected_cost(costs, expected):
    assert least_costly({"healthy": 0.75, "ill": 0.25}, costs) == expected
