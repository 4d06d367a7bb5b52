"""``crosslabel export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crosslabel.cli.console import stdout
from crosslabel.cli.options import TaskArgument
from crosslabel.cli.resources import model_store, task_named


def export(
    task: TaskArgument,
    out: Annotated[Path, typer.Option(help="TorchScript file to write; what it expects goes beside it as JSON.")],
) -> None:
    """Write a classifier as one file that needs PyTorch alone, after checking that it answers the same.

    It takes prepared images (batch, channels, *patch) and gives calibrated probabilities (batch, classes).
    """
    from crosslabel.errors import TaskError
    from crosslabel.files import write_json
    from crosslabel.inference import Classifier, load_predictor
    from crosslabel.transfer.costs import costs_of
    from crosslabel.transfer.export import export_torchscript

    spec = task_named(task)
    if out.suffix == ".json":
        raise TaskError(f"{out.name} is the name of the description beside the model; name the model itself, as model.pt.")
    classifier = load_predictor(spec, model_store(), "cpu") if spec.kind == "classification" else None
    if not isinstance(classifier, Classifier):
        raise TaskError(f"{spec.name} is a segmentation; only classifications are exported.")
    shape = (spec.channels, *spec.patch)
    difference = export_torchscript(classifier.network, classifier.trust, shape, out)
    costs = costs_of(classifier.network, shape)
    content = spec.model_dump(mode="json", include={"name", "title", "classes", "domains", "orientation", "spacing", "patch"})
    facts = {"checkpoint": classifier.checkpoint, "calibrated": classifier.trust.calibrated, "parameters": costs.parameters}
    write_json(out.with_suffix(".json"), {**content, **facts, "largest_difference": difference})
    size = out.stat().st_size / 2**20
    stdout().print(
        f"{out}: {classifier.checkpoint}, {costs.parameters / 1e6:.2f} million parameters, {size:.1f} MiB; probabilities "
        f"differ by at most {difference:.1g}.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
