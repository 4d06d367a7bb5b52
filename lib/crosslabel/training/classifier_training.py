"""How a classifier is trained: its first weights, its policy, and what it learns of its own limits."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from crosslabel.checkpoints import Version
from crosslabel.errors import CrossLabelError
from crosslabel.evaluation import expected_calibration_error
from crosslabel.inference import fill_network
from crosslabel.inference.trust import Trust, described, learn_trust
from crosslabel.networks.backbones import PREFIX, backbone_names
from crosslabel.networks.pretrained import NoWeightsError, load_pretrained, torchvision_weights
from crosslabel.optimisation import processes
from crosslabel.optimisation.loop import Outcome, TrainingLoop
from crosslabel.optimisation.progress import ProgressEvent, State
from crosslabel.optimisation.settings import LoopSettings, make_optimizer
from crosslabel.tasks.building import check_patch, network_of
from crosslabel.tasks.classification_settings import FeaturesPolicy, TruncatedPolicy
from crosslabel.training.classification import ClassificationObjective
from crosslabel.training.cut_search import CutSearch
from crosslabel.training.image_domain import ImageDomain, SameDomain
from crosslabel.training.loop_settings import loop_settings
from crosslabel.training.prepared_cases import PreparedCases
from crosslabel.transfer import Policy, fit_classical_head

if TYPE_CHECKING:
    from crosslabel.training.job import Job

Emit = Callable[[ProgressEvent], None]


class ClassifierTraining:
    """Trains a classifier as its task's transfer policy says, calibrates it and publishes it.

    Args:
        job: whose task, device, store and folder are used.
        training: labelled cases.
        validation: held-back cases.
        facts: for the provenance.
        weights: file of pretrained weights; the task's own where it names some, else fresh ones.
        domain: where the images come from that the classifier is trained for.
    """

    def __init__(
        self,
        job: Job,
        training: PreparedCases,
        validation: PreparedCases,
        facts: dict[str, Any],
        weights: Path | None,
        domain: ImageDomain | None = None,
    ) -> None:
        self.job = job
        self.task = job.task
        self.training = training
        self.validation = validation
        self.facts = facts
        self.weights = weights
        self.domain = domain or SameDomain()
        self.objective = ClassificationObjective(self.task, training, validation, job.device, self.domain)
        self.facts["labelled_slices"] = len(self.objective.slices)
        self._found: dict[str, Any] = {}

    def run(self, emit: Emit, resume: bool) -> Version | None:
        """Train and publish; ``None`` if it was cancelled."""
        started = time.monotonic()
        policy = self.task.transfer.policy
        search = None
        if isinstance(policy, TruncatedPolicy) and self.job.start_from is None:
            search = CutSearch(self, policy, emit, resume)
            cut = search.run()
            if cut is None:
                return None
            self._found = {"cut": cut}
            self.facts["cut_search"] = search.facts()
        network = self.network(self._found)
        outcome = self._fit_head(network) if isinstance(policy, FeaturesPolicy) else self._fit(network, emit, resume)
        if outcome is None or processes.rank() > 0:
            return None
        # The best weights are not those of the last epoch.
        network.load_state_dict(outcome.weights)
        trust = self._learn_trust(network.eval())
        outcome = replace(outcome, weights=_weights(network))
        self.facts["network_found"] = self._found
        version = self.job.publish(outcome, time.monotonic() - started, self.facts, emit, trust.tensors())
        if search is not None:
            search.forget()
        return version

    def network(self, found: dict[str, Any]) -> nn.Module:
        """The task's network with its first weights, on the job's device.

        Args:
            found: arguments that come before the task's, such as a cut.
        """
        torch.manual_seed(self.task.training.seed)
        if self.job.start_from is not None:
            checkpoint = self.job.store.load(self.task, self.job.start_from)
            self._found = checkpoint.found
            return fill_network(self.task, checkpoint).to(self.job.device)
        network = network_of(self.task, found)
        self.facts["pretrained"] = self._fill(network)
        if self.facts["pretrained"]["from"] is None:
            # To freeze what is random would keep it so.
            self.objective.policy = Policy()
        check_patch(network, self.task)
        return network.to(self.job.device)

    def loop(self, network: nn.Module, settings: LoopSettings, folder: Path, emit: Emit) -> TrainingLoop:
        """The loop that trains a network by the task's policy."""
        groups = self.objective.policy.groups(network, settings.learning_rate)
        return TrainingLoop(
            network,
            self.objective,
            settings,
            folder,
            emit,
            self.job.cancelled,
            optimizer=lambda _: make_optimizer(groups, settings),
            identity=self.job.identity,
        )

    def _fill(self, network: nn.Module) -> dict[str, Any]:
        """Give a new network pretrained weights where there are any, and say where they come from."""
        if self.weights is not None:
            return {"from": self.weights.name, "learnt_anew": load_pretrained(network, self.weights)}
        wanted, name = self.task.transfer.weights, self.task.network.name
        if wanted is None:
            return {"from": None, "notice": f"No pretrained weights were given, so {self._without_weights()}."}
        if name not in backbone_names():
            raise CrossLabelError(
                f"transfer.weights: '{wanted}' are weights of torchvision and {name} is none of its backbones; give a file "
                "with --weights, or choose a backbone as torchvision.resnet18."
            )
        try:
            path = torchvision_weights(name.removeprefix(PREFIX), wanted)
        except NoWeightsError as error:
            return {"from": None, "notice": f"{error} Without them {self._without_weights()}."}
        return {"from": path.name, "learnt_anew": load_pretrained(network, path)}

    def _without_weights(self) -> str:
        if isinstance(self.task.transfer.policy, FeaturesPolicy):
            return "the features are those of random filters, which tell little; give a file with --weights"
        return "the whole network is trained from scratch"

    def _fit(self, network: nn.Module, emit: Emit, resume: bool) -> Outcome | None:
        def tell(event: ProgressEvent) -> None:
            notice = self.facts.get("pretrained", {}).get("notice", "")
            emit(replace(event, message=event.message or notice) if event.epoch == 0 else event)

        loop = self.loop(network, loop_settings(self.task), self.job.run_dir, tell)
        outcome = loop.run(resume=resume)
        return None if outcome.state is State.CANCELLED else outcome

    def _fit_head(self, network: nn.Module) -> Outcome:
        policy = self.task.transfer.policy
        assert isinstance(policy, FeaturesPolicy)
        network.eval()
        features, classes = self._features(network, self.training)
        head = fit_classical_head(policy.classifier, features, classes, len(self.task.classes), seed=self.task.training.seed)
        network.head = head.to(self.job.device)
        with torch.inference_mode():
            metrics = self.objective.validate(network)
        return Outcome(State.FINISHED, _weights(network), metrics, 0)

    def _features(self, network: nn.Module, cases: PreparedCases) -> tuple[Tensor, Tensor]:
        """Features before the head of every case, not normalised, and its class."""
        found = []
        with torch.inference_mode():
            for index in range(len(cases)):
                found.append(network.features(self.domain.placed(cases[index])[None].to(self.job.device)).cpu())
        return torch.cat(found).clone(), _classes(cases)

    def _learn_trust(self, network: nn.Module) -> Trust:
        """Calibrate a network; then settle it in the domain that it is trained for, if that is another one."""
        share = self.task.trust.in_distribution_share
        training = described(network, lambda index: self.domain.placed(self.training[index]), len(self.training))
        held_back, classes = None, None
        if len(self.validation):
            held_back = described(network, lambda index: self.domain.placed(self.validation[index]), len(self.validation))
            classes = _classes(self.validation)
        absent = [index for index, members in enumerate(self.objective.members) if not members]
        trust = replace(learn_trust(training, held_back, classes, share), never_shown=tuple(absent))
        ece = {}
        if held_back is not None and classes is not None:
            ece = {
                "before": _ece(held_back.logits.softmax(dim=1), classes),
                "after": _ece(trust.probabilities(held_back.logits), classes),
            }
        images = self.domain.images
        if images is not None:
            self.domain.settle(network)
            # What the classifier is for shows what it should know; no class is known there to calibrate with.
            there = learn_trust(described(network, lambda index: images[index].image, len(images)), None, None, share)
            trust = replace(trust, neighbourhoods=there.neighbourhoods, threshold=there.threshold)
        self.facts["trust"] = {**trust.facts(), **({"ece": ece} if ece else {})}
        self.facts["never_shown"] = [self.task.classes[index] for index in absent]
        return trust


def _weights(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}


def _classes(cases: PreparedCases) -> Tensor:
    return torch.stack([cases[index].truth for index in range(len(cases))])


def _ece(probabilities: Tensor, classes: Tensor) -> float:
    return round(expected_calibration_error(probabilities.numpy(), np.asarray(classes)), 5)
