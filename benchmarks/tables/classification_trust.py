"""Whether a classifier knows what it does not know, and what its probabilities are worth."""

from __future__ import annotations

import numpy as np

from benchmarks.classes import PICTURES, SAO_PAULO, UCSD, cases_of, source_checkpoint, source_store, task_for
from benchmarks.table import Cell, Table
from crosslabel.evaluation.classes import auroc
from crosslabel.explanation.answering import answer_cases
from crosslabel.inference import Classifier, load_predictor

_NETWORK = "torchvision.resnet18"
_OTHERS = {"another centre (Sao Paulo)": SAO_PAULO, "photographs of food": PICTURES}
_IMAGES = 100


def measure(cell: Cell) -> dict[str, float]:
    """Scores of held-back slices of the training centre against those of other images."""
    source_checkpoint(UCSD, _NETWORK)
    store, task = source_store(UCSD, _NETWORK), task_for(UCSD, _NETWORK, {"name": "full"}, 0)
    version = store.current(task)
    assert version is not None
    record = store.record(version)
    classifier = load_predictor(task, store, "cpu", version)
    assert isinstance(classifier, Classifier)
    held = [case for case in cases_of(UCSD) if case.id in record["data"]["validation"]]
    others = cases_of(_OTHERS[cell.row])
    chosen = np.random.default_rng(cell.seed).permutation(len(others))[:_IMAGES]
    scores = [
        np.array([result.out_of_distribution_score for result in answer_cases(classifier, cases).results])
        for cases in (held, [others[index] for index in chosen])
    ]
    unlike = np.concatenate([np.zeros(len(scores[0]), bool), np.ones(len(scores[1]), bool)])
    return {
        "AUROC": auroc(unlike, np.concatenate(scores)),
        "called unlike": float((scores[1] > 1).mean()),
        "held back, called unlike": float((scores[0] > 1).mean()),
        "ECE before": record["trust"]["ece"]["before"],
        "ECE after": record["trust"]["ece"]["after"],
    }


TABLE = Table(
    name="classification_trust",
    title="Images unlike the training images, and calibration",
    rows=tuple(_OTHERS),
    columns=("ResNet-18 trained on UCSD's CT slices",),
    seeds=(0, 1, 2),
    measure=measure,
    metrics={
        "AUROC": "of the out-of-distribution score, against the held-back slices of UCSD",
        "called unlike": "share of 100 images",
        "held back, called unlike": "share of the held-back slices, which set the threshold; 5 % by choice",
        "ECE before": "expected calibration error on the held-back slices",
        "ECE after": "with the temperature, which was learnt on the same slices",
    },
    note="One network from scratch (seed 0, 128 px); seeds choose the other images. The held-back slices set threshold and "
    "temperature, so the last three numbers are of images that were looked at.",
)
