"""The methods of adaptation by name: what is done to the images, and whether the target teaches too."""

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
    """

    name: str
    title: str
    adapter: str
    self_training: bool = False

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


def method_named(name: str) -> Method:
    """A method by its name.

    Raises:
        TaskError: there is none.
    """
    if name not in METHODS:
        raise TaskError(f"There is no method of adaptation '{name}'; use one of {', '.join(METHODS)}.")
    return METHODS[name]


def with_method(task: TaskSpec, name: str) -> TaskSpec:
    """The task with another method of adaptation.

    Raises:
        TaskError: there is no such method.
    """
    changed = task.adaptation.model_copy(update={"method": method_named(name).name})
    return task.model_copy(update={"adaptation": changed})
