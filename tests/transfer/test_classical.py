from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import make_blobs
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from crosslabel.transfer import fit_classical_head


def data(classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    features, labels = make_blobs(120, 8, centers=classes, cluster_std=5.0, random_state=1)
    features = features * np.linspace(1, 20, 8) + 3
    return features[:80].astype(np.float32), labels[:80], features[80:].astype(np.float32), labels[80:]


def fitted(name: str, classes: int, count: int | None = None) -> tuple[np.ndarray, ...]:
    train, labels, test, truth = data(classes)
    head = fit_classical_head(name, torch.from_numpy(train), torch.from_numpy(labels), count or classes)
    with torch.inference_mode():
        return head(torch.from_numpy(test)).numpy(), train, labels, test, truth


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", ["logistic", "svm", "knn"])
def test_a_classical_head_learns(name, classes):
    logits, *_, truth = fitted(name, classes)
    assert (logits.argmax(axis=1) == truth).mean() > 0.8


def test_the_neighbours_are_scikit_learns():
    logits, train, labels, test, _ = fitted("knn", 3)
    scaler = StandardScaler().fit(train)
    expected = KNeighborsClassifier(5).fit(scaler.transform(train), labels).predict_proba(scaler.transform(test))
    votes = np.exp(logits) * (5 + 1.5) - 0.5
    np.testing.assert_allclose(votes / 5, expected, atol=1e-4)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_support_vectors_give_scikit_learns_decisions(classes):
    logits, train, labels, test, _ = fitted("svm", classes)
    scaler = StandardScaler().fit(train)
    for index in range(classes):
        machine = SVC(gamma=1 / 8, class_weight="balanced").fit(scaler.transform(train), labels == index)
        np.testing.assert_allclose(logits[:, index], machine.decision_function(scaler.transform(test)), atol=2e-3)


@pytest.mark.parametrize("name", ["logistic", "svm", "knn"])
def test_a_class_that_was_never_shown_is_never_answered(name):
    logits, *_ = fitted(name, 3, count=5)
    assert logits.shape[1] == 5
    assert set(logits.argmax(axis=1)) <= {0, 1, 2}
