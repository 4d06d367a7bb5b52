"""Trains in a process of its own and kills it without warning: train_and_die.py TASK_JSON DATA RUN MODELS EPOCH."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import torch

from crosslabel.checkpoints import ModelStore
from crosslabel.data import labelled_cases
from crosslabel.tasks import TaskSpec
from crosslabel.training import ProgressEvent, State, TrainingJob

# As in the tests: sums in another order would give other weights.
torch.set_num_threads(1)


def main(task_json: str, data: str, run: str, models: str, epoch: str) -> None:
    task = TaskSpec.model_validate_json(task_json)

    def die(event: ProgressEvent) -> None:
        if event.state is State.TRAINING and event.epoch == int(epoch):
            os.kill(os.getpid(), signal.SIGKILL)

    cases = labelled_cases(Path(data), task)
    TrainingJob(task, cases, ModelStore(Path(models)), Path(run), device="cpu", on_event=die).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
