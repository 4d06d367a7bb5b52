"""A classifier made at home in images of another centre, of which no class is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from crosslabel.adaptation.image_level import ImageAdapter, build_adapter
from crosslabel.adaptation.self_training import estimate_norm_statistics
from crosslabel.checkpoints import ModelStore, Version, record_of_start, seen_images
from crosslabel.data import check_split, hold_back, spoken_held_back
from crosslabel.errors import DataError, TaskError
from crosslabel.networks.heads import main_logits
from crosslabel.networks.pretrained import load_pretrained
from crosslabel.optimisation import Outcome, processes, read_curves
from crosslabel.tasks import TaskSpec
from crosslabel.tasks.building import network_of
from crosslabel.training.adaptation.class_report import write_class_report
from crosslabel.training.adaptation.data import MEMORY_BYTES, AdaptationCases, DomainLook, check_domains
from crosslabel.training.adaptation.examples import examples_of_classes, looks_of
from crosslabel.training.adaptation.fitting import fit_adapter
from crosslabel.training.adaptation.methods import method_of
from crosslabel.training.adaptation.objective import evenly
from crosslabel.training.adaptation.report import REPORT_FILE
from crosslabel.training.classifier_training import ClassifierTraining, Emit
from crosslabel.training.identity import identity
from crosslabel.training.job import Job
from crosslabel.training.prepared_cases import PreparedCase, PreparedCases

_NORM_BATCH = 16
_MOST_EXAMPLES = 24


class TargetDomain:
    """The centre whose images a classifier is adapted to.

    Args:
        adapter: fitted; changes how labelled source images look.
        images: of the target.
        norms: whether the statistics of batch norms become those of the images.

    Attributes:
        logits: (images, classes) of the images, once a network is settled.
    """

    def __init__(self, adapter: ImageAdapter, images: PreparedCases, *, norms: bool) -> None:
        self.adapter = adapter
        self.images: PreparedCases = images
        self.norms = norms
        self.logits = torch.empty(0)

    def look(self, case: PreparedCase, epoch: int, rng: np.random.Generator) -> Tensor:
        return self.adapter.patch(self.adapter.volume(case.id, case.image, epoch), rng)

    def placed(self, case: PreparedCase) -> Tensor:
        return self.adapter.volume(case.id, case.image, 0)

    def settle(self, network: nn.Module) -> None:
        if self.norms:
            estimate_norm_statistics(network, self._batches())
        device = next(network.parameters()).device
        with torch.inference_mode():
            answers = [main_logits(network, batch.to(device)).float().cpu() for batch in self._batches()]
        self.logits = torch.cat(answers)

    def shares(self, classes: Sequence[str]) -> dict[str, float]:
        """Which share of the images each class is answered for."""
        counts = torch.bincount(self.logits.argmax(dim=1), minlength=len(classes)).double() / len(self.logits)
        return {name: round(float(share), 4) for name, share in zip(classes, counts, strict=True)}

    def _batches(self) -> Iterator[Tensor]:
        # Of one size, for the statistics of each count alike, and those of a single image may be those of a single pixel.
        for batch in np.array_split(np.arange(len(self.images)), -(-len(self.images) // _NORM_BATCH)):
            yield torch.stack([self.images[index].image for index in batch.tolist()])


class ClassAdaptationJob(Job):
    """Trains a classifier on the labelled images of one centre for those of another; see :class:`Job` for other arguments.

    The epoch is chosen on held-back source images, made to look like the target's where the method does that; the classes of
    target images are not looked at.

    Args:
        task: a classification task with a source domain; ``task.adaptation`` says how.
        cases: of both domains; unusable ones are set aside and named in the provenance.
        store: where the version is published.
        run_dir: folder of the run: progress, state to resume from, fitted image-level method, report.
        weights: file of pretrained weights, all but the head.
        adapter_dir: of fitted image-level methods, which several runs on the same data may share; in the run's folder if
            ``None``. A run that is not resumed fits anew what was fitted on other images or with other settings.
    """

    def __init__(
        self,
        task: TaskSpec,
        cases: AdaptationCases,
        store: ModelStore,
        run_dir: Path,
        *,
        weights: Path | None = None,
        adapter_dir: Path | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(task, store, run_dir, **settings)
        self.cases = cases
        self.weights = weights
        self.adapter_dir = adapter_dir or run_dir / "adapter"
        self.method = method_of(task)
        self.seen = seen_images(record_of_start(store, self.start_from))

    def check(self) -> None:
        if self.task.kind != "classification":
            raise DataError(f"{self.task.name} is a segmentation and has no classes to adapt.")
        check_domains(self.task, self.cases)
        if any(case.label is not None for case in self.cases.target):
            raise DataError(
                "Classes of target images do not take part in the adaptation of a classifier: adapt first, then train with "
                "them from the adapted weights (crosslabel train --weights)."
            )
        check_split(self.cases.source, self.task.training.split_by)
        policy = self.task.transfer.policy.name
        if processes.count() > 1 and policy not in ("full", "discriminative"):
            raise TaskError(
                f"transfer.policy '{policy}' freezes or cuts layers, which one process has to do; start it without torchrun, "
                "or write transfer: {policy: full}."
            )
        if self.weights is not None:
            # The training loads them again, but not before the image-level method was fitted, which may take hours.
            load_pretrained(network_of(self.task), self.weights)

    def _train(self, emit: Emit, resume: bool) -> Version | None:
        source, target = self.cases.prepared(self.task, MEMORY_BYTES)
        looks = (DomainLook(self.task, "source"), source), (DomainLook(self.task, "target"), target)
        aside = {name: why for look, cases in looks for name, why in look.at(cases, self._reading(emit)).items()}
        emit(replace(self._last, message="", set_aside=aside))
        if self.method.norms and len(target) < 2:
            raise DataError("One target image has no statistics; give more of them, or choose a --method such as gin.")
        settings = self.task.adaptation.image_level if self.method.has_settings else {}
        adapter = build_adapter(self.method.adapter, self.task, self.task.training.seed, device=str(self.device), **settings)
        fit_adapter(adapter, source, target, self.adapter_dir, emit, self._last, self.cancelled, refit=not resume)
        learning, held = hold_back(source.cases, self.task.training.validation_share, self.task.training.seed)
        training, validation = source.of(learning), source.of(held)
        by_role = {"training": learning, "held back": held, "target": target.cases}
        self.identity = identity(self.task, by_role, self.start_from, self.weights)
        domain = TargetDomain(adapter, target, norms=self.method.norms)
        self._learnt_from = training, domain
        facts = {
            "method": {
                "name": self.method.name,
                "title": self.method.title,
                "batch_norms_of_the_target": self.method.norms,
                **adapter.facts(),
            },
            "data": {
                "source": [case.id for case in learning],
                "source_validation": [case.id for case in held],
                "target": [case.id for case in target.cases],
                "seen_before": sorted(self.seen),
                "set_aside": aside,
            },
            "metrics_on": spoken_held_back(learning, held, "source images"),
        }
        return ClassifierTraining(self, training, validation, facts, self.weights, domain).run(emit, resume)

    def _before_publishing(self, outcome: Outcome, provenance: dict[str, Any]) -> None:
        training, domain = self._learnt_from
        provenance["target_answers"] = domain.shares(self.task.classes)
        pictures = [*domain.adapter.pictures(), *looks_of(self.task, domain.adapter, training, evenly(len(training), 2))]
        write_class_report(
            self.run_dir / REPORT_FILE,
            self.task,
            provenance,
            read_curves(self.run_dir),
            domain.adapter.curves(),
            examples_of_classes(self.task, domain.images, domain.logits, evenly(len(domain.images), _MOST_EXAMPLES)),
            pictures,
        )
