"""The report of a classifier on labelled images: numbers, calibration, and pictures with what spoke for the answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from crosslabel.errors import CrossLabelError
from crosslabel.evaluation import ClassEvaluation, reliability
from crosslabel.explanation.explainer import explain
from crosslabel.explanation.overlay import overlay
from crosslabel.images import read_image
from crosslabel.inference import Classifier
from crosslabel.report import Report, Section

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from crosslabel.explanation.answering import Answered

_PICTURES = 6
_WIDTH = 260


def write_class_report(path: Path, classifier: Classifier, evaluation: ClassEvaluation, answered: Answered) -> None:
    """Write one HTML file.

    Args:
        path: file to write or replace.
        classifier: that answered.
        evaluation: of its answers.
        answered: the answers themselves.
    """
    task = classifier.task
    report = Report(f"{task.title}: evaluation", f"{classifier.checkpoint} on {len(evaluation.answers.ids)} labelled images")
    _numbers(report.section("Numbers"), evaluation)
    section = report.section("Calibration")
    section.text(
        "An answer of 80 % should be right in 80 % of the cases. The probabilities "
        + ("were calibrated on held-back images." if classifier.trust.calibrated else "were not calibrated: they only rank.")
    )
    section.figure(_reliability_diagram(evaluation), "Share of right answers by confidence; the bars show how many answers")
    _unlike(report.section("Images unlike the training images"), answered)
    _pictures(report.section("Pictures"), classifier, answered)
    if answered.failures:
        rows = [[id, reason] for id, reason in answered.failures.items()]
        report.section("Not evaluated").table(["image", "reason"], rows)
    report.write(path)


def _numbers(section: Section, evaluation: ClassEvaluation) -> None:
    section.table(
        ["metric", "value", "95 % from", "to"],
        [[name, one.value, one.lower, one.upper] for name, one in evaluation.metrics.items()],
        "Intervals from 1,000 bootstrap samples of the patients (images, where the patient is unknown)",
    )
    rows = [
        [name, one.images, one.sensitivity, one.specificity, one.auroc, one.auprc] for name, one in evaluation.by_class.items()
    ]
    section.table(["class", "images", "sensitivity", "specificity", "AUROC", "AUPRC"], rows, "Each class against the others")
    names = list(evaluation.by_class)
    counts = [[name, *map(int, row)] for name, row in zip(names, evaluation.confusion, strict=True)]
    section.table(["true class", *(f"answered {name}" for name in names)], counts, "Confusion matrix")


def _reliability_diagram(evaluation: ClassEvaluation) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    bins = [one for one in reliability(evaluation.answers.probabilities, evaluation.answers.truths) if one.count]
    figure = Figure(figsize=(4.2, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    panel = figure.subplots()
    panel.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=1)
    panel.plot([one.confidence for one in bins], [one.accuracy for one in bins], marker="o")
    total = len(evaluation.answers.ids)
    panel.bar([(one.lower + one.upper) / 2 for one in bins], [one.count / total for one in bins], width=0.08, alpha=0.25)
    panel.set(xlabel="confidence", ylabel="share of right answers", xlim=(0, 1), ylim=(0, 1))
    return figure


def _unlike(section: Section, answered: Answered) -> None:
    unlike = [
        (case, result) for case, result in zip(answered.cases, answered.results, strict=True) if result.in_distribution is False
    ]
    section.text(f"{len(unlike)} of {len(answered.cases)} images are not like anything the checkpoint was trained on.")
    if unlike:
        worst = sorted(unlike, key=lambda pair: -(pair[1].out_of_distribution_score or 0))[:20]
        rows = [[case.id, case.label, result.answer, result.out_of_distribution_score] for case, result in worst]
        section.table(["image", "class", "answer", "score"], rows, "A score of 1 is the threshold; at most 20 are listed")


def _pictures(section: Section, classifier: Classifier, answered: Answered) -> None:
    section.text("The surest mistakes, then the surest right answers; the colours show what spoke for the answer (Grad-CAM).")
    pairs = list(zip(answered.cases, answered.results, strict=True))
    wrong = [pair for pair in pairs if pair[1].answer != pair[0].label]
    right = [pair for pair in pairs if pair[1].answer == pair[0].label]
    for group in (wrong, right):
        for case, result in sorted(group, key=lambda pair: -pair[1].probabilities[pair[1].answer])[:_PICTURES]:
            image = read_image(case.image, modality=case.modality, sequence=case.sequence)
            caption = f"{case.id}: {case.label}, answered {result.answer} ({result.probabilities[result.answer]:.0%})"
            try:
                picture = overlay(image, explain(classifier, image, class_name=result.answer).heatmap)
            except CrossLabelError:
                picture = overlay(image, np.zeros(image.grid.shape, np.float32))
                caption += "; its network cannot be explained by Grad-CAM"
            section.picture(picture, caption, width=_WIDTH)
