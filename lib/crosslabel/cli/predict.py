"""``crosslabel predict``."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crosslabel.cli.console import print_json, stderr, stdout
from crosslabel.cli.options import DeviceOption, JsonOption, TaskArgument
from crosslabel.cli.resources import images_by_id, model_store, task_named

if TYPE_CHECKING:
    from crosslabel.inference import Result


def predict(
    task: TaskArgument,
    images: Annotated[
        list[Path],
        typer.Option(help="Image files, DICOM folders or zips, or folders of images; several may follow."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the results; made where missing.")],
    more: Annotated[list[Path] | None, typer.Argument(hidden=True, metavar="PATH")] = None,
    modality: Annotated[str | None, typer.Option(help="CT, MR, XR, ...: for images that do not say it.")] = None,
    sequence: Annotated[str | None, typer.Option(help="T1, T1c, T2, FLAIR: for MR images that do not say it.")] = None,
    augment: Annotated[
        bool, typer.Option("--augment", help="Segment several views of each image: adds a quality and an uncertainty map.")
    ] = False,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Predict on images: a label beside each image's name, or the probability of every class.

    Labels are written as <image>.nii.gz in exactly the image's grid; volumes, confidence, probabilities and
    the checkpoint that made them go to predictions.json, and for classes to predictions.csv too. With --augment, the
    quality of each label (agreement of several views) joins them, and uncertainty/<image>.nii.gz. An image that
    cannot be predicted is named at the end and does not stop the others.
    """
    from rich.progress import track

    from crosslabel.errors import CrossLabelError
    from crosslabel.images import read_image
    from crosslabel.inference import answer, load_predictor

    spec = task_named(task)
    paths = images_by_id([*images, *(more or [])], out)
    predictor = load_predictor(spec, model_store(), device)
    answers: dict[str, dict[str, Any]] = {}
    failures: dict[str, str] = {}
    try:
        for name, path in track(paths.items(), description=spec.title, console=stderr(), transient=True):
            try:
                image = read_image(path, modality=modality, sequence=sequence)
                answers[name] = _saved(answer(predictor, image, augment=augment), name, out)
            except CrossLabelError as error:
                failures[name] = str(error)
    finally:
        _write_tables(answers, out)
    _report(spec.name, answers, failures, out, as_json)
    if failures:
        raise typer.Exit(1)


def _saved(result: Result, name: str, out: Path) -> dict[str, Any]:
    from crosslabel.images import write_label, write_map
    from crosslabel.inference import SegmentationResult

    if not isinstance(result, SegmentationResult):
        return result.summary()
    write_label(result.label, result.grid, out / f"{name}.nii.gz")
    said = {"label": f"{name}.nii.gz", **result.summary()}
    if result.uncertainty is None:
        return said
    # In a folder of its own, where no command takes it for a label.
    write_map(result.uncertainty, result.grid, out / "uncertainty" / f"{name}.nii.gz")
    return {**said, "uncertainty": f"uncertainty/{name}.nii.gz"}


def _write_tables(answers: dict[str, dict[str, Any]], out: Path) -> None:
    from crosslabel.files import replacing, write_json

    if not answers:
        return
    write_json(out / "predictions.json", answers)
    classified = {name: answer for name, answer in answers.items() if "probabilities" in answer}
    if not classified:
        return
    classes = list(next(iter(classified.values()))["probabilities"])
    with (
        replacing(out / "predictions.csv") as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        rows = csv.writer(file)
        rows.writerow(["image", "class", *classes, "uncertainty", "in_distribution", "checkpoint"])
        for name, answer in classified.items():
            trust = (answer["uncertainty"], answer["in_distribution"])
            rows.writerow([name, answer["class"], *answer["probabilities"].values(), *trust, answer["checkpoint"]])


def _report(task: str, answers: dict[str, dict[str, Any]], failures: dict[str, str], out: Path, as_json: bool) -> None:
    if as_json:
        print_json({"task": task, "out": str(out), "predictions": answers, "failures": failures})
    else:
        for name, answer in answers.items():
            stdout().print(f"{name}: {_spoken(answer)}", markup=False, highlight=False, soft_wrap=True)
        if answers:
            made_by = next(iter(answers.values()))
            note = ", trained on generated images only" if made_by["demonstration"] else ""
            stdout().print(
                f"{out}: {len(answers)} predicted by {made_by['checkpoint']}{note}",
                markup=False,
                soft_wrap=True,
            )
    for name, message in failures.items():
        stderr().print(f"{name}: {message}", style="red", markup=False, highlight=False, soft_wrap=True)


def _spoken(answer: dict[str, Any]) -> str:
    if "probabilities" in answer:
        certainty = "" if answer["calibrated"] else " (uncalibrated)"
        warning = f". {answer['warning']}" if "warning" in answer else ""
        return f"{answer['class']}, probability {answer['probabilities'][answer['class']]:.2f}{certainty}{warning}"
    quality = answer.get("quality", {})
    return ", ".join(
        f"{label} {volume:.1f} mL" + (f" (quality {quality[label]:.2f})" if quality.get(label) is not None else "")
        for label, volume in answer["volumes_ml"].items()
    )
