"""A classifier's answers to labelled images, ready to be scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from crosslabel.data import Case, read_ahead
from crosslabel.errors import CrossLabelError, DataError
from crosslabel.evaluation import Answers
from crosslabel.images import read_image
from crosslabel.inference import ClassificationResult, Classifier
from crosslabel.preparation import Prepared

_BATCH = 16


@dataclass(frozen=True, eq=False)
class Answered:
    """What came of labelled images.

    Attributes:
        cases: those that were answered, in the given order.
        results: one for each of them.
        failures: why an image could not be answered, by its id.
    """

    cases: tuple[Case, ...]
    results: tuple[ClassificationResult, ...]
    failures: dict[str, str]

    def answers(self, classes: Sequence[str]) -> Answers:
        """The answers as numbers, for the task's classes."""
        index = {name: number for number, name in enumerate(classes)}
        return Answers(
            classes=tuple(classes),
            ids=tuple(case.id for case in self.cases),
            truths=np.array([index[str(case.label)] for case in self.cases]),
            probabilities=np.array([[result.probabilities[name] for name in classes] for result in self.results]),
            decisions=np.array([index[result.answer] for result in self.results]),
            groups=tuple(case.group for case in self.cases),
        )


def answer_cases(
    classifier: Classifier, cases: Sequence[Case], on_progress: Callable[[int], None] = lambda done: None
) -> Answered:
    """Classify labelled images in batches; one that cannot be read or does not fit is left out and named.

    Raises:
        DataError: none of them could be answered.
    """
    answered: list[Case] = []
    results: list[ClassificationResult] = []
    failures: dict[str, str] = {}
    batches = [cases[start : start + _BATCH] for start in range(0, len(cases), _BATCH)]
    done = 0
    for batch, (usable, prepared, unusable) in zip(batches, read_ahead(partial(_read, classifier), batches), strict=True):
        failures |= unusable
        if prepared:
            results += classifier.predict_batch(prepared)
            answered += usable
        done += len(batch)
        on_progress(done)
    if not answered:
        id, reason = next(iter(failures.items()), ("none", "no image was given"))
        raise DataError(f"None of the {len(cases)} images can be classified; the first, {id}: {reason}")
    return Answered(tuple(answered), tuple(results), failures)


def _read(classifier: Classifier, cases: Sequence[Case]) -> tuple[list[Case], list[Prepared], dict[str, str]]:
    """Read and prepare images; those that cannot be are given with the reason."""
    usable, prepared, failures = [], [], {}
    for case in cases:
        try:
            image = read_image(case.image, modality=case.modality, sequence=case.sequence)
            prepared.append(classifier.preparation.forward(image))
            usable.append(case)
        except CrossLabelError as error:
            failures[case.id] = str(error)
    return usable, prepared, failures
