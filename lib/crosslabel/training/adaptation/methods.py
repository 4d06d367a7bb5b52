"""The methods of adaptation by name: what is done to the images, and what the target teaches."""

from __future__ import annotations

from dataclasses import dataclass

from crosslabel.errors import TaskError
from crosslabel.tasks import TaskSpec


@dataclass(frozen=True)
class Method:
    """One way to learn the target domain.

    Attributes:
        name: as the command line and task files give it.
        title: for people.
        adapter: image-level methods joined by ``+``, see :func:`crosslabel.adaptation.image_level.build_adapter`.
        self_training: whether pseudo-labels of the target images teach too.
        norms: whether, at the end, the statistics of a classifier's batch norms become those of the target images (AdaBN).
    """

    name: str
    title: str
    adapter: str
    self_training: bool = False
    norms: bool = False

    @property
    def has_settings(self) -> bool:
        """Whether ``adaptation.image_level`` of the task file is meant for it: the settings of translators."""
        return "translation" in self.adapter or "cyclegan" in self.adapter


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("full", "structures and styles randomised, self-training", "structures+gin+looks", self_training=True),
        Method("self_training", "styles randomised, self-training", "gin", self_training=True),
        Method("structures", "structures and styles randomised", "structures+gin+looks"),
        Method("gin", "randomised styles", "gin"),
        Method("histogram", "histograms matched to the target", "histogram"),
        Method("translation", "images translated into several styles of the target", "translation"),
        Method("translation_gin", "translation and randomised styles", "translation+gin"),
        Method(
            "translation_full",
            "translation, structures and styles randomised, self-training",
            "translation+structures+gin+looks",
            self_training=True,
        ),
        Method("cyclegan", "images translated by a CycleGAN", "cyclegan"),
        Method("source_only", "no adaptation", "none"),
    )
}


CLASS_METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("full", "styles randomised, batch norms of the target", "gin", norms=True),
        Method("norms", "batch norms of the target", "none", norms=True),
        METHODS["gin"],
        METHODS["histogram"],
        METHODS["translation"],
        METHODS["cyclegan"],
        METHODS["source_only"],
    )
}


def methods_for(task: TaskSpec) -> dict[str, Method]:
    """The methods by which a task of its kind can be adapted, by name; the one that its file chooses comes first."""
    known = METHODS if task.kind == "segmentation" else CLASS_METHODS
    return dict(sorted(known.items(), key=lambda item: item[0] != task.adaptation.method))


def method_of(task: TaskSpec) -> Method:
    """The method by which a task is adapted.

    Raises:
        TaskError: there is none of that name for a task of its kind.
    """
    known = methods_for(task)
    name = task.adaptation.method
    if name not in known:
        raise TaskError(f"There is no method of adaptation '{name}' for a {task.kind}; use one of {', '.join(known)}.")
    return known[name]


def with_method(task: TaskSpec, name: str) -> TaskSpec:
    """The task with another method of adaptation.

    Raises:
        TaskError: there is no such method for a task of its kind.
    """
    changed = task.model_copy(update={"adaptation": task.adaptation.model_copy(update={"method": name})})
    method_of(changed)
    return changed
