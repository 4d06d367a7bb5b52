from __future__ import annotations

import json
import math

import numpy as np
import pytest
from sklearn import metrics

from crosslabel.evaluation import Answers, evaluate_classes, expected_calibration_error, reliability
from crosslabel.evaluation.classes import auprc, auroc, balanced_accuracy_error, macro_auprc, macro_auroc


def answers(images: int = 200, classes: int = 3, seed: int = 0, groups: int | None = None) -> Answers:
    rng = np.random.default_rng(seed)
    truths = rng.integers(classes, size=images)
    logits = rng.normal(size=(images, classes)) + 1.5 * np.eye(classes)[truths]
    # Rounded, so that there are ties.
    probabilities = np.round(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), 2)
    ids = tuple(f"image {number}" for number in range(images))
    owners = ids if groups is None else tuple(f"patient {number % groups}" for number in range(images))
    names = tuple("abcdef"[:classes])
    return Answers(names, ids, truths, probabilities, probabilities.argmax(axis=1), owners)


def test_every_number_is_scikit_learns():
    found = answers()
    evaluation = evaluate_classes("task", found, bootstraps=10)
    truths, decisions = found.truths, found.decisions
    one_hot = np.eye(3)[truths]
    expected = {
        "accuracy": metrics.accuracy_score(truths, decisions),
        "balanced accuracy": metrics.balanced_accuracy_score(truths, decisions),
        "AUROC": metrics.roc_auc_score(one_hot, found.probabilities, average="macro"),
        "AUPRC": metrics.average_precision_score(one_hot, found.probabilities, average="macro"),
    }
    for name, value in expected.items():
        assert evaluation.metrics[name].value == pytest.approx(value), name
    np.testing.assert_array_equal(evaluation.confusion, metrics.confusion_matrix(truths, decisions))
    for index, scores in enumerate(evaluation.by_class.values()):
        positive = truths == index
        assert scores.sensitivity == pytest.approx(metrics.recall_score(positive, decisions == index))
        assert scores.specificity == pytest.approx(metrics.recall_score(~positive, decisions != index))
        assert scores.images == positive.sum()


def test_ties_count_half():
    assert auroc(np.array([True, False, True, False]), np.array([0.5, 0.5, 0.9, 0.1])) == pytest.approx(0.875)


def test_what_cannot_be_computed_is_nan_and_null_in_json():
    assert math.isnan(auroc(np.array([True, True]), np.array([0.1, 0.2])))
    assert math.isnan(auprc(np.array([False, False]), np.array([0.1, 0.2])))
    one = Answers(("a", "b"), ("x",), np.array([0]), np.array([[0.6, 0.4]]), np.array([0]), ("x",))
    evaluation = evaluate_classes("task", one, bootstraps=5)
    content = json.loads(json.dumps(evaluation.as_json(), allow_nan=False))
    assert content["metrics"]["AUROC"]["value"] is None
    assert content["classes"]["b"]["sensitivity"] is None
    assert content["metrics"]["balanced accuracy"]["value"] == 1


def test_intervals_hold_the_value_and_shrink_with_the_number_of_images():
    few, many = (evaluate_classes("task", answers(images), bootstraps=200).metrics["AUROC"] for images in (40, 1000))
    assert few.lower < few.value < few.upper
    assert many.upper - many.lower < few.upper - few.lower


def test_images_of_one_patient_are_drawn_together_so_that_few_patients_mean_wide_intervals():
    rng = np.random.default_rng(0)
    # Ten patients with 30 images each, all of a patient's images alike.
    truths = np.repeat(rng.integers(2, size=10), 30)
    right = np.repeat(rng.random(10) < 0.7, 30)
    probability = np.where(right == (truths == 1), 0.8, 0.2)
    ids = tuple(map(str, range(300)))
    patients = tuple(f"patient {number // 30}" for number in range(300))
    both = np.stack([1 - probability, probability], axis=1)
    widths = []
    for groups in (ids, patients):
        found = Answers(("a", "b"), ids, truths, both, both.argmax(axis=1), groups)
        interval = evaluate_classes("task", found, bootstraps=300).metrics["accuracy"]
        widths.append(interval.upper - interval.lower)
    assert widths[1] > 2 * widths[0]


def test_the_same_seed_gives_the_same_intervals():
    assert evaluate_classes("t", answers(), 20).metrics == evaluate_classes("t", answers(), 20).metrics


def test_the_calibration_error_is_the_published_sum():
    found = answers()
    confidence, right = found.probabilities.max(axis=1), found.decisions == found.truths
    total = 0.0
    for lower in np.arange(10) / 10:
        inside = [n for n in range(len(right)) if lower < confidence[n] <= lower + 0.1 + 1e-12]
        if inside:
            total += len(inside) * abs(right[inside].mean() - confidence[inside].mean())
    assert expected_calibration_error(found.probabilities, found.truths) == pytest.approx(total / len(right), abs=0.02)
    assert sum(one.count for one in reliability(found.probabilities, found.truths)) == len(right)


def test_a_sure_answer_lies_in_the_last_bin():
    bins = reliability(np.array([[1.0, 0.0]]), np.array([1]))
    assert (bins[-1].count, bins[-1].accuracy, bins[-1].confidence) == (1, 0.0, 1.0)
    assert expected_calibration_error(np.array([[1.0, 0.0]]), np.array([1])) == 1


def test_classes_that_are_not_shown_are_left_out_of_the_means():
    found = answers(classes=2)
    padded = Answers(
        ("a", "b", "c"),
        found.ids,
        found.truths,
        np.pad(found.probabilities, ((0, 0), (0, 1))),
        found.decisions,
        found.groups,
    )
    assert macro_auroc(padded) == pytest.approx(macro_auroc(found))
    assert macro_auprc(padded) == pytest.approx(macro_auprc(found))


@pytest.mark.parametrize(("sensitivities", "counts"), [((0.8, 0.9), (30, 30)), ((0.6, 0.95, 0.8), (12, 80, 25))])
def test_the_standard_error_of_a_balanced_accuracy_is_its_spread_over_sets_of_images(sensitivities, counts):
    rng = np.random.default_rng(0)
    drawn = [rng.binomial(count, share, 20_000) / count for share, count in zip(sensitivities, counts, strict=True)]
    spread = np.mean(drawn, axis=0).std()
    assert balanced_accuracy_error(sensitivities, counts) == pytest.approx(spread, rel=0.1)


def test_no_mistake_among_few_images_is_less_certain_than_among_many():
    assert balanced_accuracy_error([1, 1], [5, 5]) > 2 * balanced_accuracy_error([1, 1], [50, 50]) > 0


def test_the_mean_cost_is_that_of_each_mistake():
    given = answers(images=60)
    costs = {"a": {"b": 50.0}, "c": {"a": 0.0}}
    names = given.classes
    expected = []
    for truth, decision in zip(given.truths, given.decisions, strict=True):
        plain = 0.0 if truth == decision else 1.0
        expected.append(costs.get(names[truth], {}).get(names[decision], plain))
    evaluation = evaluate_classes("t", given, bootstraps=20, costs=costs)
    assert evaluation.metrics["mean cost"].value == pytest.approx(np.mean(expected))
    assert "mean cost" not in evaluate_classes("t", given, bootstraps=2).metrics
