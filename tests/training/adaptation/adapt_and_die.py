"""Adapts in a process of its own and kills it without warning: adapt_and_die.py TASK_JSON SOURCE TARGET RUN MODELS EPOCH."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import torch

from crosslabel.checkpoints import ModelStore
from crosslabel.data import labelled_cases, unlabelled_cases
from crosslabel.tasks import TaskSpec
from crosslabel.training import ProgressEvent, State
from crosslabel.training.adaptation import AdaptationCases, AdaptationJob

# As in the tests: sums in another order would give other weights.
torch.set_num_threads(1)


def main(task_json: str, source: str, target: str, run: str, models: str, epoch: str) -> None:
    task = TaskSpec.model_validate_json(task_json)

    def die(event: ProgressEvent) -> None:
        if event.state is State.TRAINING and event.epoch == int(epoch):
            os.kill(os.getpid(), signal.SIGKILL)

    cases = AdaptationCases(labelled_cases(Path(source), task), unlabelled_cases(Path(target)))
    AdaptationJob(task, cases, ModelStore(Path(models)), Path(run), device="cpu", on_event=die).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
