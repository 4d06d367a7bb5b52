"""From a task and its checkpoints to a predictor that is ready."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import nn

from crosslabel.checkpoints import Checkpoint, ModelStore, Version
from crosslabel.errors import CheckpointError, CrossLabelError
from crosslabel.images import Image
from crosslabel.inference.classification import Classifier
from crosslabel.inference.results import Result
from crosslabel.inference.segmentation import Segmenter
from crosslabel.inference.trust import Trust
from crosslabel.networks.example_heads import ExampleHead
from crosslabel.networks.memory_format import channels_last
from crosslabel.tasks import TaskSpec
from crosslabel.tasks.building import network_of


class Predictor(Protocol):
    """Anything that answers an image."""

    task: TaskSpec
    checkpoint: str
    demonstration: bool
    network: nn.Module

    def predict(self, image: Image) -> Result: ...


def pick_device(name: str = "auto") -> torch.device:
    """The device to compute on: a named one, or a GPU where there is one (CUDA, then Apple's MPS), else the CPU.

    Raises:
        CrossLabelError: the named device is not on this machine.
    """
    if name != "auto":
        try:
            device = torch.device(name)
            torch.empty(1, device=device)
        except (RuntimeError, AssertionError) as error:
            raise CrossLabelError(f"The device '{name}' is not on this machine; use auto or cpu.") from error
        return _numbered(device)
    if torch.cuda.is_available():
        return _numbered(torch.device("cuda"))
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _numbered(device: torch.device) -> torch.device:
    """Which GPU it is: limits of memory are set for one with a number."""
    if device.type != "cuda" or device.index is not None:
        return device
    return torch.device("cuda", torch.cuda.current_device())


def fill_network(task: TaskSpec, checkpoint: Checkpoint) -> nn.Module:
    """The task's network with a checkpoint's weights, in evaluation mode.

    Raises:
        CheckpointError: the weights are another network's; the message names the first difference.
    """
    network = network_of(task, checkpoint.found)
    for name, module in network.named_modules():
        if isinstance(module, ExampleHead):
            module.resize(len(checkpoint.state.get(f"{name}.examples", ())))
    wanted = network.state_dict()
    for name in wanted.keys() | checkpoint.state.keys():
        ours, theirs = wanted.get(name), checkpoint.state.get(name)
        if ours is None or theirs is None or ours.shape != theirs.shape:
            found = "nothing" if theirs is None else tuple(theirs.shape)
            expected = "nothing" if ours is None else tuple(ours.shape)
            raise CheckpointError(
                f"{checkpoint.name} holds the weights of another network: '{name}' is {found} there and {expected} in "
                f"task {task.name}; train again or restore the right file."
            )
    network.load_state_dict(checkpoint.state)
    return network.eval()


def load_predictor(task: TaskSpec, store: ModelStore, device: str = "auto", version: Version | None = None) -> Predictor:
    """A predictor with a version of the task's checkpoint, by default the current one; never with random weights.

    Raises:
        CheckpointError: the task has no checkpoint, or it does not fit.
    """
    chosen = version or store.current(task)
    checkpoint = store.load(task, chosen)
    network = channels_last(fill_network(task, checkpoint).to(pick_device(device)))
    demonstration = chosen is not None and chosen.demonstration
    if task.kind == "segmentation":
        return Segmenter(task, network, checkpoint.name, demonstration)
    # Explanations follow gradients back to maps and images; those of the weights would cost time and memory.
    return Classifier(task, network.requires_grad_(False), checkpoint.name, demonstration, Trust.of(checkpoint))


def answer(predictor: Predictor, image: Image, *, augment: bool) -> Result:
    """What a predictor says of an image; ``augment`` asks a segmenter for several views, see :meth:`Segmenter.predict`."""
    return predictor.predict(image, augment=augment) if isinstance(predictor, Segmenter) else predictor.predict(image)
