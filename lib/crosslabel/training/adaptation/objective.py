"""What a network learns in an adaptation: the source's labels on adapted images, and the target as its teacher sees it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from crosslabel.adaptation.image_level import GIN, ImageAdapter, RandomCurves
from crosslabel.adaptation.selection import Consistency, style_views
from crosslabel.adaptation.self_training import (
    AppearanceModel,
    Beliefs,
    PseudoLabel,
    PseudoLabelRounds,
    estimate_norm_statistics,
    make_pseudo_label,
)
from crosslabel.augmentation import basic_augmentation, seeded
from crosslabel.inference import SlidingWindow, ask
from crosslabel.networks.heads import all_heads
from crosslabel.optimisation import MovingAverage, Objective, processes
from crosslabel.tasks import TaskSpec
from crosslabel.training.adaptation.data import AdaptationData
from crosslabel.training.adaptation.methods import Method
from crosslabel.training.adaptation.mixture import Teaching, kind_of_patch, labels_lead, mixture
from crosslabel.training.memory import Memory
from crosslabel.training.patches import draw_patch, foreground_voxels
from crosslabel.training.segmentation import dice_by_label
from crosslabel.training.segmentation_loss import SegmentationLoss

# A validation looks at so many unlabelled target images at most, and batch norms at so many patches.
_MOST_VALIDATED = 12
_NORM_PATCHES = 8
# Looks of an image, beside the mild views, that the teacher's answer is averaged over: it was trained on such looks, and what
# it says of them differs where it is wrong.
_TEACHER_STYLES = 4
# Share of pseudo-labelled patches whose look is changed strongly; the others look as what the student is for.
_STRONG_VIEWS = 0.5
# Share of the epochs before the first whose weights may be kept for their consistency.
_CANDIDATES_FROM = 0.5


@dataclass(frozen=True, eq=False)
class _Kept:
    """Something prepared that a memory keeps: an adapted volume, or a pseudo-label with the voxels to believe."""

    maps: tuple[torch.Tensor, ...]
    foreground: dict[int, np.ndarray]

    @property
    def nbytes(self) -> int:
        return sum(one.nbytes for one in self.maps)


class AdaptationObjective(Objective):
    """Focal + Dice on patches of three kinds, see :func:`mixture`; the teacher's weights are validated and kept.

    A source patch is adapted (:class:`ImageAdapter`) and augmented. A pseudo-labelled patch comes with the voxels that its
    teacher is believed in; the teacher saw the whole image in several views, the student sees a patch whose look GIN
    has changed strongly, every other time (weak and strong view). All drawing depends on (seed, epoch, draw).

    Args:
        task: a segmentation task.
        data: the cases of both domains.
        method: image-level method and whether to self-train.
        adapter: the fitted image-level method.
        network: the student, on its device; the teacher starts as its copy.
        folder: of the pseudo-labels.
        cancelled: asked while pseudo-labels are made.
        memory_bytes: how much of adapted volumes and of pseudo-labels may be kept in memory.
        measure: more metrics of a validated network, which decide nothing.
        say: takes a sentence on what is done between the steps.
    """

    def __init__(
        self,
        task: TaskSpec,
        data: AdaptationData,
        method: Method,
        adapter: ImageAdapter,
        network: nn.Module,
        folder: Path,
        cancelled: Callable[[], bool],
        memory_bytes: int,
        measure: Callable[[nn.Module], Mapping[str, float]] = lambda network: {},
        say: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self.task = task
        self.data = data
        self.adapter = adapter
        # What a teacher gets wrong on two or three images would be learnt by heart. Labels do not change the number of images,
        # so that the way to ordinary fine-tuning stays smooth.
        images = len(data.target) + len(data.labelled) + len(data.held)
        enough = images >= task.adaptation.least_images
        self.self_training = method.self_training and enough and len(data.target) > 0
        self.device = next(network.parameters()).device
        self.cancelled = cancelled
        self.measure = measure
        self.say = say
        # A mean teacher (Tarvainen and Valpola 2017, NeurIPS): the average of the student's weights.
        self.teacher = MovingAverage(network, task.adaptation.teacher_decay)
        self.augmentation = basic_augmentation(task)
        # GIN would undo what is known of a structure's look.
        self.student_view = RandomCurves(_STRONG_VIEWS) if task.looks else GIN(share=_STRONG_VIEWS)
        self.window = SlidingWindow(task.patch)
        self.appearance = AppearanceModel() if task.adaptation.appearance else None
        self.loss = SegmentationLoss(task.training.head_weights, task.training.focal_gamma)
        names = task.output_names[1:]
        self.rounds = PseudoLabelRounds(folder, [case.id for case in data.target.cases], names)
        settings = task.adaptation
        self.beliefs = Beliefs(
            confidence=settings.confidence,
            background_confidence=settings.background_confidence,
            least_kept=settings.least_kept,
            agreement=settings.agreement,
            single=task.single_indices,
            prior=data.prior,
        )
        # Labels decide where a clinician gave enough of them to hold some back; never otherwise.
        self.metric = "dice" if len(data.held) else "consistency"
        # As ordinary training without held-back labels, which is kept at its end.
        self.keeps_last = not len(data.held) and labels_lead(len(data.labelled), data.unlabelled_share)
        self.first_candidate = 0 if len(data.held) else self._first_by_consistency()
        self._adapted: Memory[_Kept] = Memory(memory_bytes)
        self._pseudo: Memory[_Kept] = Memory(memory_bytes)
        self._useful_in: tuple[int, list[int]] = (-1, [])

    def _first_by_consistency(self) -> int:
        """The first epoch to choose from by agreement, which is easily won early: by structures that are large and coarse."""
        epochs = self.task.training.epochs
        return epochs if self.keeps_last else math.ceil(_CANDIDATES_FROM * epochs)

    def begin_epoch(self, network: nn.Module, epoch: int) -> None:
        number = self._round_of(epoch)
        if number is None or self.rounds.is_made(number):
            return
        teacher = self._ready_teacher()
        mine = range(processes.rank(), len(self.data.target), processes.count())
        self.rounds.make(number, lambda index: self._pseudo_label(teacher, index, number), mine)
        processes.barrier()
        if processes.rank() == 0:
            self.rounds.finish(number)
        processes.barrier()

    def losses(self, network: nn.Module, epoch: int, draw: int) -> dict[str, torch.Tensor]:
        patches = [self._patch(epoch, draw, number) for number in range(self.task.training.batch_size)]
        images, labels, keeps = (torch.stack(parts).to(self.device) for parts in zip(*patches, strict=True))
        keep = None if bool((keeps > 0.5).all()) else (keeps > 0.5).float()
        return self.loss(all_heads(network, images.float()), labels.long(), keep)

    def after_step(self, network: nn.Module) -> None:
        self.teacher.update(network)

    def kept(self, network: nn.Module) -> nn.Module:
        return self._ready_teacher()

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Consistency on unlabelled target images; Dice on held-back labelled ones, of the target and of the source.

        The source's is of images as they are, which nothing is selected by.
        """
        self.say("Looking at the target images.")
        consistency = Consistency(self.data.prior)
        views = style_views(self.task, seed=self.task.training.seed)
        unlabelled = self.data.target if len(self.data.target) else self.data.labelled
        for index in evenly(len(unlabelled), _MOST_VALIDATED):
            case = unlabelled[index]
            consistency.see(ask(network, case.image, self.window, views), case.voxel_volume)
        source = dice_by_label(self.task, self.window, network, self.data.source_held)
        return {
            **consistency.metrics(),
            **dice_by_label(self.task, self.window, network, self.data.held),
            **({"source dice": source["dice"]} if source else {}),
            **self._kept_shares(),
            **self.measure(network),
        }

    def state(self) -> dict[str, Any]:
        return {"teacher": self.teacher.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        self.teacher.load_state_dict(state["teacher"])

    def _ready_teacher(self) -> nn.Module:
        """The teacher with batch norms that know the target's images."""
        estimate_norm_statistics(self.teacher.network, self._norm_batches())
        return self.teacher.network.eval()

    def _norm_batches(self) -> Any:
        images = self.data.target if len(self.data.target) else self.data.labelled
        for number, index in enumerate(evenly(len(images), _NORM_PATCHES)):
            rng = np.random.default_rng([self.task.training.seed, number])
            (patch,) = draw_patch((images[index].image,), {}, self.task.patch, 0.0, rng)
            yield patch[None]

    def _round_of(self, epoch: int) -> int | None:
        """Number of the round of pseudo-labels that an epoch learns from."""
        if not self.self_training:
            return None
        epochs, settings = self.task.training.epochs, self.task.adaptation
        first = min(round(settings.warm_up * epochs), epochs - 1)
        if epoch < first:
            return None
        return (epoch - first) * settings.rounds // (epochs - first)

    def _pseudo_label(self, teacher: nn.Module, index: int, number: int) -> PseudoLabel:
        if self.cancelled():
            raise InterruptedError
        self.say(f"Pseudo-labels, image {index + 1} of {len(self.data.target)}.")
        case = self.data.target[index]
        # Other styles than those that epochs are selected by, and others in every round.
        views = style_views(self.task, _TEACHER_STYLES, self.task.training.seed + 1 + number)
        opinions = ask(teacher, case.image, self.window, views)
        return make_pseudo_label(opinions, case.voxel_volume, self.beliefs, case.image, self.appearance)

    def _patch(self, epoch: int, draw: int, number: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Image (C, \\*patch), label and believed voxels (1, \\*patch) of one place in a batch."""
        settings = self.task.training
        drawn_round = self._round_of(epoch)
        useful = [] if drawn_round is None else self._useful(drawn_round)
        shares = mixture(len(self.data.labelled), self.data.unlabelled_share, pseudo=len(useful))
        running = (epoch * settings.steps_per_epoch * settings.accumulate + draw) * settings.batch_size + number
        kind = kind_of_patch(shares, running)
        rng = np.random.default_rng([settings.seed, epoch, draw, number])
        maps, foreground = self._volume(kind, epoch, drawn_round, rng)
        image, label, *rest = draw_patch(maps, foreground, self.task.patch, settings.foreground_share, rng)
        if kind is Teaching.SOURCE:
            image = self.adapter.patch(image, rng, label)
        elif kind is Teaching.PSEUDO:
            image = self.student_view.patch(image, rng)
        # What is not believed has a label of its own, so that it moves with the others.
        doubtful = len(self.task.output_names)
        if rest:
            label = torch.where(rest[0] > 0.5, label, torch.full_like(label, doubtful))
        moved = seeded(self.augmentation, settings.seed, epoch, draw, number)({"image": image, "label": label})
        image, label = torch.as_tensor(moved["image"]), torch.as_tensor(moved["label"]).round()
        keep = (label < doubtful).float()
        return image, label * keep, keep

    def _volume(
        self, kind: Teaching, epoch: int, drawn_round: int | None, rng: np.random.Generator
    ) -> tuple[tuple[torch.Tensor, ...], dict[int, np.ndarray]]:
        """Image, label and, for pseudo-labels, believed voxels of one case."""
        if kind is Teaching.PSEUDO:
            number = drawn_round or 0
            index = int(rng.choice(self._useful(number)))
            pseudo = self._pseudo.get((index, number), lambda: self._read_round(number, index))
            return (self.data.target[index].image, *pseudo.maps), pseudo.foreground
        cases = self.data.source if kind is Teaching.SOURCE else self.data.labelled
        case = cases[int(rng.integers(len(cases)))]
        if kind is Teaching.LABELLED:
            return (case.image, case.truth), case.foreground
        adapted = self._adapted.get(
            (case.id, epoch), lambda: _Kept((self.adapter.volume(case.id, case.image, epoch),), case.foreground)
        )
        return (adapted.maps[0], case.truth), case.foreground

    def _useful(self, number: int) -> list[int]:
        """Indices of the target images that teach something in a round of pseudo-labels."""
        if self._useful_in[0] != number:
            self._useful_in = number, self.rounds.useful(number)
        return self._useful_in[1]

    def _read_round(self, number: int, index: int) -> _Kept:
        label, keep = self.rounds.read(number, index)
        maps = (torch.from_numpy(label)[None], torch.from_numpy(keep)[None])
        return _Kept(maps, foreground_voxels(np.where(keep, label, 0)))

    def _kept_shares(self) -> dict[str, float]:
        rounds = self.rounds.statistics() if self.self_training else []
        if not rounds:
            return {}
        return {f"kept {name}": said["share_kept"] or 0.0 for name, said in rounds[-1]["labels"].items()}


def evenly(count: int, most: int) -> list[int]:
    """At most ``most`` indices below ``count``, evenly spread."""
    return [int(index) for index in np.unique(np.linspace(0, count - 1, min(count, most)).round())] if count else []
