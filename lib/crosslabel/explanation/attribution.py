"""Why a network answered a class: maps of what in the image spoke for it.

Every function takes a network in evaluation mode, one prepared image (1, channels, \\*spatial) on its device and a class
index, and gives a map (\\*spatial) whose larger values spoke more for the class.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from monai.visualize import OcclusionSensitivity
from torch import Tensor, nn
from torch.nn import functional as F

from crosslabel.errors import TaskError
from crosslabel.networks import BackboneClassifier
from crosslabel.networks.heads import main_logits

_STEPS = 24
# Windows along the longest axis of an image; each costs a forward pass.
_WINDOWS = 10

Weighting = Callable[[Tensor, Tensor], Tensor]


def grad_cam(network: nn.Module, image: Tensor, target: int) -> Tensor:
    """Grad-CAM: maps of the last convolutional layer, weighted by their mean gradients (Selvaraju et al., ICCV 2017)."""
    return _class_activation(network, image, target, lambda maps, gradients: gradients.flatten(2).mean(dim=2))


def grad_cam_plus_plus(network: nn.Module, image: Tensor, target: int) -> Tensor:
    """Grad-CAM++: gradients weighted so that several instances of a class all count (Chattopadhay et al., WACV 2018, eq. 19).

    MONAI's has the gradients of all positions in the sum over a map, where the paper has that of the weighted one.
    """

    def weights(maps: Tensor, gradients: Tensor) -> Tensor:
        maps, gradients = maps.flatten(2), gradients.flatten(2)
        denominator = 2 * gradients**2 + maps.sum(dim=2, keepdim=True) * gradients**3
        alpha = gradients**2 / torch.where(denominator != 0, denominator, torch.ones_like(denominator))
        return (alpha * gradients.relu()).sum(dim=2)

    return _class_activation(network, image, target, weights)


def integrated_gradients(network: nn.Module, image: Tensor, target: int, steps: int = _STEPS) -> Tensor:
    """Integrated gradients from the image's darkest value (Sundararajan et al., ICML 2017), summed over channels.

    The map sums up to the difference of the class's logit between image and baseline, up to the error of ``steps`` midpoints.
    """
    baseline = image.flatten(2).amin(dim=2).reshape(*image.shape[:2], *[1] * (image.ndim - 2))
    total = torch.zeros_like(image)
    for step in range(steps):
        point = (baseline + (step + 0.5) / steps * (image - baseline)).detach().requires_grad_()
        total += torch.autograd.grad(main_logits(network, point)[0, target], point)[0]
    return ((image - baseline) * total / steps).sum(dim=1)[0].detach()


def occlusion(network: nn.Module, image: Tensor, target: int) -> Tensor:
    """Occlusion: how much the probability of the class falls when a window is covered (Zeiler & Fergus, ECCV 2014)."""
    window = [max(2, -(-size // _WINDOWS) * 2) for size in image.shape[2:]]
    # A window may not be larger than the image, which happens along short axes of volumes.
    window = [min(side, size) for side, size in zip(window, image.shape[2:], strict=True)]
    sensitivity = OcclusionSensitivity(
        lambda images: main_logits(network, images).softmax(dim=1),  # type: ignore[arg-type]
        mask_size=window,
        n_batch=16,
        mode="mean_img",
        overlap=0.5,
        verbose=False,
        # MONAI's own choice takes a sigmoid for images of one channel.
        activate=False,
    )
    with torch.inference_mode(), warnings.catch_warnings():
        # MONAI indexes by lists, which torch will read otherwise from a version on that the project does not allow yet.
        warnings.filterwarnings("ignore", "Using a non-tuple sequence", UserWarning)
        whole = main_logits(network, image).softmax(dim=1)[0, target]
        covered = torch.as_tensor(sensitivity(image)[0])[0, target]
        return (whole - covered.as_subclass(Tensor)).clone()


METHODS: dict[str, Callable[[nn.Module, Tensor, int], Tensor]] = {
    "gradcam": grad_cam,
    "gradcam++": grad_cam_plus_plus,
    "integrated_gradients": integrated_gradients,
    "occlusion": occlusion,
}


def attribute(network: nn.Module, image: Tensor, target: int, method: str) -> Tensor:
    """A map by the name of its method.

    Raises:
        TaskError: there is no such method.
    """
    if method not in METHODS:
        raise TaskError(f"There is no explanation '{method}'; choose one of {', '.join(METHODS)}.")
    with torch.inference_mode(False), torch.enable_grad():
        return METHODS[method](network, image.detach().clone(), target)


def _class_activation(network: nn.Module, image: Tensor, target: int, weighting: Weighting) -> Tensor:
    maps, gradients = _maps_and_gradients(network, image, target)
    weights = weighting(maps, gradients)
    activation = (weights.reshape(*weights.shape, *[1] * (maps.ndim - 2)) * maps).sum(dim=1, keepdim=True).relu()
    return _onto(activation, network, image)


def _maps_and_gradients(network: nn.Module, image: Tensor, target: int) -> tuple[Tensor, Tensor]:
    """Maps (n, features, ...) of the last layer that has positions, and the gradients of the class's logit at them."""
    with _last_maps(network, image) as kept:
        logit = main_logits(network, image)[0, target]
        maps = kept[-1]
        return maps.detach(), torch.autograd.grad(logit, maps)[0]


@contextmanager
def _last_maps(network: nn.Module, image: Tensor) -> Iterator[list[Tensor]]:
    kept: list[Tensor] = []

    def keep(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        # A copy goes on, so that an activation in place behind it does not change what was kept; the weights may be frozen.
        kept.append(output if output.requires_grad else output.requires_grad_())
        return output.clone()

    layer = network.trunk if isinstance(network, BackboneClassifier) else _last_spatial_layer(network, image)
    handle = layer.register_forward_hook(keep)
    try:
        yield kept
    finally:
        handle.remove()


@torch.no_grad()
def _last_spatial_layer(network: nn.Module, image: Tensor) -> nn.Module:
    """The last top-level stage whose output still has positions: what comes before the pooling."""
    found: list[nn.Module] = []

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if isinstance(output, Tensor) and output.ndim == image.ndim and max(output.shape[2:]) > 1:
            found.append(module)

    handles = [child.register_forward_hook(note) for child in network.children()]
    try:
        network(image)
    finally:
        for handle in handles:
            handle.remove()
    if not found:
        raise TaskError(
            f"{type(network).__name__} has no layer with positions; explain it by integrated_gradients or occlusion."
        )
    return found[-1]


def _onto(activation: Tensor, network: nn.Module, image: Tensor) -> Tensor:
    """Bring maps to the image's grid; those of slices are put back into the volume."""
    if isinstance(network, BackboneClassifier) and network.attention is not None:
        activation = activation[:, 0].movedim(0, network.slice_axis)[None, None]
    mode = "trilinear" if image.ndim == 5 else "bilinear"
    return F.interpolate(activation, image.shape[2:], mode=mode, align_corners=False)[0, 0]
