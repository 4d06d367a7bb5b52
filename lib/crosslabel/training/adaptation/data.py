"""The two domains of an adaptation: cases that were looked at, split and found to belong where they were given."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from crosslabel.adaptation.self_training import VolumePrior
from crosslabel.data import Case, given_as, hold_back
from crosslabel.errors import DataError
from crosslabel.tasks import TaskSpec
from crosslabel.training.prepared_cases import PreparedCase, PreparedCases

MEMORY_BYTES = 2 * 1024**3


@dataclass(frozen=True)
class AdaptationCases:
    """What an adaptation is given.

    Attributes:
        source: labelled cases of a source domain.
        target: images of the target domain; those with a (final) label teach as labelled ones.
    """

    source: Sequence[Case]
    target: Sequence[Case]

    def prepared(self, task: TaskSpec, memory_bytes: int) -> tuple[PreparedCases, PreparedCases]:
        """Source and target, each with so many bytes of memory; what an image does not say of itself is the domain's."""
        source, target = task.domains.sources[0], task.domains.target
        return (
            PreparedCases(task, given_as(source, self.source), memory_bytes),
            PreparedCases(task, given_as(target, self.target), memory_bytes),
        )


@dataclass(frozen=True, eq=False)
class AdaptationData:
    """The usable cases, prepared when they are needed.

    Attributes:
        source: labelled source cases to learn from.
        source_held: held-back source cases.
        target: unlabelled target images.
        labelled: labelled target cases to learn from.
        held: held-back labelled target cases.
        shown: all target images but the held-back ones, which image-level methods are fitted on.
        aside: why a case was set aside, by its role and id, as in ``target: p1``, or its label alone: ``label of target: p1``.
        prior: plausible volumes, from all labelled cases.
    """

    source: PreparedCases
    source_held: PreparedCases
    target: PreparedCases
    labelled: PreparedCases
    held: PreparedCases
    shown: PreparedCases
    aside: dict[str, str]
    prior: VolumePrior

    @property
    def by_role(self) -> dict[str, list[Case]]:
        """What each case is for."""
        parts = {"source": self.source, "target": self.target, "labelled": self.labelled, "held back": self.held}
        return {role: cases.cases for role, cases in parts.items()}

    @property
    def unlabelled_share(self) -> float:
        """Share of the target images that are not labelled, 0 to 1."""
        return len(self.target) / (len(self.labelled) + len(self.held) + len(self.target))


def prepare_data(
    task: TaskSpec,
    cases: AdaptationCases,
    memory_bytes: int = MEMORY_BYTES,
    seen: Collection[str] = (),
    before_each: Callable[[int, int], None] = lambda number, count: None,
) -> AdaptationData:
    """Look at every case once; those that cannot be used are set aside, and of target images their label alone if that is it.

    Args:
        task: with source domains.
        cases: of both domains; an image that does not say what it is is taken to be of the domain it was given as.
        memory_bytes: how much of each domain's prepared images may be kept in memory.
        seen: ids of target images whose labels the first weights have learnt from; if one of them would be held back, none
            is, for it would choose those weights again.
        before_each: see :meth:`PreparedCases.set_aside_unusable`.

    Raises:
        DataError: one of the domains has no usable case, no source label shows anything, or the two were swapped.
    """
    check_cases(task, cases)
    prior = VolumePrior(task.output_names[1:])
    source, target = cases.prepared(task, memory_bytes)
    aside = {
        **_StructureLook(task, prior, "source").at(source, before_each),
        **{f"label of target: {id}": reason for id, reason in target.without_damaged_labels().items()},
        **_StructureLook(task, prior, "target").at(target, before_each),
    }
    settings = task.training
    learning, source_held = hold_back(source.cases, settings.validation_share, settings.seed)
    labelled = [case for case in target.cases if case.label is not None]
    final, held = hold_back(labelled, settings.validation_share, settings.seed)
    if any(case.id in seen for case in held):
        final, held = labelled, []
    return AdaptationData(
        source=source.of(learning),
        source_held=source.of(source_held),
        target=target.of([case for case in target.cases if case.label is None]),
        labelled=target.of(final),
        held=target.of(held),
        shown=target.of([case for case in target.cases if case not in held]),
        aside=aside,
        prior=prior,
    )


def check_cases(task: TaskSpec, cases: AdaptationCases) -> None:
    """What can be seen to be wrong before an image is read.

    Raises:
        DataError: the task is no segmentation, has no source domain, or one of the domains no case.
    """
    if task.kind != "segmentation":
        raise DataError(f"{task.name} is a classification, which learns classes and not structures.")
    check_domains(task, cases)


def check_domains(task: TaskSpec, cases: AdaptationCases) -> None:
    """Refuse to learn from nothing, or for nothing.

    Raises:
        DataError: the task has no source domain, or one of the domains no case.
    """
    if not task.domains.sources:
        raise DataError(
            f"Task {task.name} names no source domain to learn from; list the labelled modality under domains.sources in its "
            "file."
        )
    if not cases.source:
        raise DataError("There is no labelled source case to learn from; give a folder of images with their labels.")
    if not cases.target:
        raise DataError("There is no target image; give a folder of images of the modality to learn.")


class DomainLook:
    """Shown every case of one domain: refuses what is of the other domain.

    Args:
        task: with source domains.
        role: of the cases.
    """

    def __init__(self, task: TaskSpec, role: Literal["source", "target"]) -> None:
        self.task, self.role = task, role
        target = task.domains.target
        if role == "target":
            self.accepted = {target.name}
        else:
            # Two centres with one kind of scanner cannot be told apart by their images.
            alike = any(domain.accepts(target.modality, target.sequence) for domain in task.domains.sources)
            self.accepted = {domain.name for domain in task.domains.sources} | ({target.name} if alike else set())
        self.strangers = 0

    def at(self, cases: PreparedCases, before_each: Callable[[int, int], None] = lambda number, count: None) -> dict[str, str]:
        """Why cases were set aside, by role and id; see :meth:`PreparedCases.set_aside_unusable`.

        Raises:
            DataError: none of them can be used.
        """
        given = len(cases)
        try:
            aside = cases.set_aside_unusable(self, before_each)
        except DataError as error:
            if self.strangers < given:
                raise DataError(f"The {self.role} images: {error}") from error
            wanted = self.task.domains.target if self.role == "target" else self.task.domains.sources[0]
            raise DataError(
                f"All {self.role} images are of another domain than {wanted.spoken}: were source and target swapped? The "
                f"labelled images go to the source, the {self.task.domains.target.spoken} images to the target."
            ) from error
        # The same id may occur in both domains.
        return {f"{self.role}: {id}": reason for id, reason in aside.items()}

    def __call__(self, case: PreparedCase) -> None:
        if case.domain not in self.accepted:
            self.strangers += 1
            raise DataError(f"It is of the domain '{case.domain}', which is no {self.role} of {self.task.name}.")


class _StructureLook(DomainLook):
    """Learns plausible volumes as well, and refuses a source in which nothing is labelled.

    A patient without the structure is kept: the network has to see some, and such an answer is then plausible.
    """

    def __init__(self, task: TaskSpec, prior: VolumePrior, role: Literal["source", "target"]) -> None:
        super().__init__(task, role)
        self.prior = prior
        self.with_structures = 0

    def at(self, cases: PreparedCases, before_each: Callable[[int, int], None] = lambda number, count: None) -> dict[str, str]:
        aside = super().at(cases, before_each)
        if self.role == "source" and not self.with_structures:
            raise DataError(
                f"Every source label is empty, or holds none of the labels of {self.task.name}; give images in which they are "
                "labelled."
            )
        return aside

    def __call__(self, case: PreparedCase) -> None:
        super().__call__(case)
        self.with_structures += bool(case.foreground)
        if case.label is not None:
            counts = np.bincount(case.label.numpy().ravel(), minlength=len(self.task.output_names))
            self.prior.see([float(count * case.voxel_volume) for count in counts[1:]])
