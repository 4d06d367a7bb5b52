"""What a server may lack, and how that is said."""

from __future__ import annotations

from collections.abc import Iterable

# Feature: (capability that has it, what a person gains by it).
FEATURES = {
    "case list": ("learning", "the list of cases, batches, pins and skips"),
    "learning": ("learning", "the course of learning and its versions"),
    "adaptation": ("adaptation", "adapting to another modality or centre"),
    "uncertainty": ("uncertainty", "the map of uncertainty"),
    "heatmaps": ("heatmaps", "pictures of why a class was chosen"),
    "class-labels": ("class-labels", "classes with a slice and a note that one is not sure"),
    "history": ("api/v1", "earlier versions of a label"),
    "patients": ("api/v1", "other images of the same patient"),
    "training": ("training", "training"),
}
# The stock server trains as well.
_STOCK = ("training",)


def missing(capabilities: Iterable[str], *, stock: bool, version: str) -> dict[str, str]:
    """A sentence for each feature that a server lacks.

    Args:
        capabilities: that the server names.
        stock: it is MONAI Label without CrossLabel's own interface.
        version: of CrossLabel on the server.
    """
    offered = set(capabilities)
    lacking = {
        feature: gain
        for feature, (capability, gain) in FEATURES.items()
        if (feature not in _STOCK if stock else capability not in offered)
    }
    who = "This server" if stock else f"CrossLabel {version} on this server"
    remedy = "that needs CrossLabel's own server" if stock else "ask its administrator to update it"
    return {feature: f"{who} does not offer {gain}; {remedy}." for feature, gain in lacking.items()}
