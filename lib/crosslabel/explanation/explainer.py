"""An explanation of one answer, in the grid of the image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from crosslabel.errors import TaskError
from crosslabel.explanation.attribution import attribute
from crosslabel.explanation.faithfulness import Faithfulness, faithfulness
from crosslabel.images import Grid, Image, write_map
from crosslabel.inference import Classifier


@dataclass(frozen=True, eq=False)
class Explanation:
    """What spoke for a class.

    Attributes:
        heatmap: (\\*grid.shape), float32 in the image's own grid; 1 at the strongest place for the class, 0 where nothing
            spoke for it.
        grid: of the image.
        method: name of the attribution.
        class_name: that is explained.
        faithfulness: of the map, if it was asked for.
    """

    heatmap: np.ndarray
    grid: Grid
    method: str
    class_name: str
    faithfulness: Faithfulness | None

    def write(self, path: Path) -> None:
        """Write the map in the image's grid, in the format that the suffix says."""
        write_map(self.heatmap, self.grid, path)

    def summary(self) -> dict[str, Any]:
        """All but the map, as JSON values."""
        answer: dict[str, Any] = {"explanation": self.method, "class": self.class_name}
        if self.faithfulness is not None:
            answer["faithfulness"] = {
                "deletion": round(self.faithfulness.deletion, 4),
                "insertion": round(self.faithfulness.insertion, 4),
            }
        return answer


def explain(
    classifier: Classifier,
    image: Image,
    method: str = "gradcam",
    class_name: str | None = None,
    *,
    scored: bool = False,
) -> Explanation:
    """Explain a classifier's answer for an image.

    Args:
        classifier: that answered.
        image: that it answered.
        method: ``gradcam``, ``gradcam++``, ``integrated_gradients`` or ``occlusion``.
        class_name: class to explain; the one that the classifier decides for if ``None``.
        scored: also score the map, which takes 34 more forward passes.

    Raises:
        TaskError: an unknown method or class.
        ImageError: the image does not fit the task.
    """
    classes = classifier.task.classes
    if class_name is not None and class_name not in classes:
        raise TaskError(f"'{class_name}' is no class of {classifier.task.name}; choose one of {', '.join(classes)}.")
    prepared = classifier.preparation.forward(image)
    network = classifier.network
    tensor = prepared.tensor[None].to(next(network.parameters()).device)
    if class_name is None:
        class_name = classifier.predict(image).answer
    target = classes.index(class_name)
    found = attribute(network, tensor, target, method)
    quality = faithfulness(network, tensor, target, found) if scored else None
    inside = classifier.preparation.inverse(_normalised(found)[None].cpu(), prepared)[0].clamp(0, 1)
    return Explanation(inside.numpy().astype(np.float32), image.grid, method, class_name, quality)


def _normalised(found: torch.Tensor) -> torch.Tensor:
    """What speaks for the class alone, 0 to 1."""
    positive = found.relu()
    most = positive.max()
    return positive / most if most > 0 else positive
