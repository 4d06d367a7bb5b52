"""``crosslabel explain``."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from crosslabel.cli.console import print_json, stderr, stdout
from crosslabel.cli.options import DeviceOption, JsonOption, TaskArgument
from crosslabel.cli.resources import images_by_id, model_store, task_named


class Method(str, Enum):
    """How an answer is explained."""

    GRADCAM = "gradcam"
    GRADCAM_PLUS_PLUS = "gradcam++"
    INTEGRATED_GRADIENTS = "integrated_gradients"
    OCCLUSION = "occlusion"


def explain(
    task: TaskArgument,
    images: Annotated[list[Path], typer.Option(help="Image files, DICOM folders, or folders of images; several may follow.")],
    out: Annotated[Path, typer.Option(help="Folder for the heat maps; made where missing.")],
    more: Annotated[list[Path] | None, typer.Argument(hidden=True, metavar="PATH")] = None,
    method: Annotated[Method, typer.Option(help="How the answer is explained.")] = Method.GRADCAM,
    class_name: Annotated[str | None, typer.Option("--class", help="Class to explain; the answer's if not given.")] = None,
    modality: Annotated[str | None, typer.Option(help="CT, MR, XR, ...: for images that do not say it.")] = None,
    sequence: Annotated[str | None, typer.Option(help="T1, T1c, T2, FLAIR: for MR images that do not say it.")] = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Show what in an image spoke for a class: <image>.heatmap.nii.gz in the image's grid, and <image>.png to look at.

    The faithfulness of each map is measured: the probability of the class falls fast when what is marked is taken away
    (deletion, low is good) and rises fast when it is shown alone (insertion, high is good).
    """
    from rich.progress import track

    from crosslabel.errors import CrossLabelError, TaskError
    from crosslabel.inference import Classifier, load_predictor

    spec = task_named(task)
    if spec.kind != "classification":
        raise TaskError(f"{spec.name} is a segmentation, which shows itself what it found; give a classification task.")
    paths = images_by_id([*images, *(more or [])], out, ".heatmap.nii.gz")
    classifier = load_predictor(spec, model_store(), device)
    assert isinstance(classifier, Classifier)
    answers: dict[str, dict[str, Any]] = {}
    failures: dict[str, str] = {}
    for name, path in track(paths.items(), description=spec.title, console=stderr(), transient=True):
        try:
            answers[name] = _explained(classifier, path, out / name, method.value, class_name, modality, sequence)
        except CrossLabelError as error:
            failures[name] = str(error)
    if as_json:
        print_json({"task": spec.name, "out": str(out), "explanations": answers, "failures": failures})
    else:
        for name, answer in answers.items():
            stdout().print(f"{name}: {_spoken(answer)}", markup=False, highlight=False, soft_wrap=True)
    for name, message in failures.items():
        stderr().print(f"{name}: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
    if failures:
        raise typer.Exit(1)


def _explained(
    classifier: Any, path: Path, stem: Path, method: str, class_name: str | None, modality: str | None, sequence: str | None
) -> dict[str, Any]:
    from PIL import Image as Picture

    from crosslabel.explanation import explain as explain_image
    from crosslabel.explanation.overlay import overlay
    from crosslabel.files import replacing
    from crosslabel.images import read_image

    image = read_image(path, modality=modality, sequence=sequence)
    result = classifier.predict(image)
    found = explain_image(classifier, image, method, class_name or result.answer, scored=True)
    heatmap, picture = stem.with_name(f"{stem.name}.heatmap.nii.gz"), stem.with_name(f"{stem.name}.heatmap.png")
    found.write(heatmap)
    with replacing(picture) as temporary:
        Picture.fromarray(overlay(image, found.heatmap)).save(temporary)
    return {"heatmap": heatmap.name, "picture": picture.name, **found.summary(), "answer": result.summary()}


def _spoken(answer: dict[str, Any]) -> str:
    quality = answer["faithfulness"]
    said = answer["answer"]
    sentence = f"{said['class']}; {answer['explanation']} for {answer['class']}, insertion {quality['insertion']:.2f}, "
    return sentence + f"deletion {quality['deletion']:.2f}" + (f". {said['warning']}" if "warning" in said else "")
