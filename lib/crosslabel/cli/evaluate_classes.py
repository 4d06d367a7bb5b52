"""``crosslabel evaluate`` of a classification task."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crosslabel.cli.console import print_json, stderr, stdout
from crosslabel.cli.resources import model_store
from crosslabel.files import write_json

if TYPE_CHECKING:
    from rich.table import Table

    from crosslabel.evaluation import ClassEvaluation
    from crosslabel.tasks import TaskSpec


def evaluate_classifier(
    task: TaskSpec,
    images: Path,
    report: Path | None,
    folds: int | None,
    weights: Path | None,
    device: str,
    as_json: bool,
    json_file: Path | None,
) -> None:
    """Try the served checkpoint, or with ``folds`` one that is trained for each fold, on labelled images."""
    evaluation, facts = _folds(task, images, folds, weights, device) if folds else _checkpoint(task, images, report, device)
    content = {**evaluation.as_json(), **facts}
    if json_file is not None:
        write_json(json_file, content)
    elif as_json:
        print_json(content)
        return
    stdout().print(_metric_table(evaluation))
    stdout().print(_class_table(evaluation))
    seen = facts.get("seen_in_training")
    if seen:
        stderr().print(
            f"{len(seen)} of {len(evaluation.answers.ids)} images are called like images that the checkpoint was made with, so "
            "the numbers promise too much; evaluate on others, or with --folds.",
            style="yellow",
            highlight=False,
            soft_wrap=True,
        )
    for id, reason in facts["failures"].items():
        stderr().print(f"Not evaluated: {id}: {reason}", style="yellow", markup=False, highlight=False, soft_wrap=True)


def _checkpoint(task: TaskSpec, images: Path, report: Path | None, device: str) -> tuple[ClassEvaluation, dict[str, Any]]:
    from rich.progress import Progress

    from crosslabel.data import labelled_cases
    from crosslabel.evaluation import evaluate_classes
    from crosslabel.explanation.answering import answer_cases
    from crosslabel.explanation.report import write_class_report
    from crosslabel.inference import Classifier, load_predictor

    cases = labelled_cases(images, task)
    store = model_store()
    classifier = load_predictor(task, store, device)
    assert isinstance(classifier, Classifier)
    with Progress(console=stderr(), transient=True) as progress:
        bar = progress.add_task(task.title, total=len(cases))
        answered = answer_cases(classifier, cases, lambda done: progress.update(bar, completed=done))
    evaluation = evaluate_classes(task.name, answered.answers(task.classes), costs=task.balance.costs)
    if report is not None:
        write_class_report(report, classifier, evaluation, answered)
        stdout().print(f"The report is {report}.", markup=False, highlight=False, soft_wrap=True)
    unlike = [case.id for case, result in zip(answered.cases, answered.results, strict=True) if result.in_distribution is False]
    trained = _trained_on(store.load(task).provenance)
    return evaluation, {
        "checkpoint": classifier.checkpoint,
        "seen_in_training": sorted(trained.intersection(evaluation.answers.ids)),
        "unlike_training": unlike,
        "failures": answered.failures,
    }


def _trained_on(provenance: Mapping[str, Any]) -> frozenset[str]:
    """Ids of the cases that the checkpoint has learnt from or was chosen and calibrated on, where it says them."""
    from crosslabel.checkpoints import seen_images

    data = provenance.get("data")
    if not isinstance(data, dict):
        return frozenset()
    roles = ("validation", "source", "source_validation")
    return frozenset(seen_images(provenance)).union(*(data.get(role, ()) for role in roles))


def _folds(
    task: TaskSpec, images: Path, folds: int, weights: Path | None, device: str
) -> tuple[ClassEvaluation, dict[str, Any]]:
    from crosslabel.data import labelled_cases
    from crosslabel.evaluation import evaluate_classes
    from crosslabel.training.cross_validation import cross_validate

    def tell(fold: int, state: str) -> None:
        stderr().print(f"fold {fold + 1}/{folds}: {state}", highlight=False)

    found = cross_validate(task, labelled_cases(images, task), folds, device, tell, weights)
    return evaluate_classes(task.name, found.answers, costs=task.balance.costs), {
        "folds": found.folds,
        "failures": found.failures,
    }


def _metric_table(evaluation: ClassEvaluation) -> Table:
    from rich.table import Table

    table = Table(title=f"{evaluation.task}: {len(evaluation.answers.ids)} images")
    for heading in ("metric", "value", "95 % interval"):
        table.add_column(heading, justify="left" if heading == "metric" else "right")
    for name, interval in evaluation.metrics.items():
        table.add_row(name, _number(interval.value), f"{_number(interval.lower)} to {_number(interval.upper)}")
    return table


def _class_table(evaluation: ClassEvaluation) -> Table:
    from rich.table import Table

    table = Table(title="Each class against the others")
    table.add_column("class", overflow="fold")
    for heading in ("images", "sensitivity", "specificity", "AUROC", "AUPRC", *(f"as {name}" for name in evaluation.by_class)):
        table.add_column(heading, justify="right", overflow="fold")
    for (name, scores), row in zip(evaluation.by_class.items(), evaluation.confusion, strict=True):
        values = (scores.sensitivity, scores.specificity, scores.auroc, scores.auprc)
        table.add_row(name, str(scores.images), *map(_number, values), *map(str, row))
    return table


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"
