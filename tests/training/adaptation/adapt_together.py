"""Adapts in processes that torchrun starts: adapt_together.py TASK_JSON SOURCE TARGET RUN MODELS."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from crosslabel.checkpoints import ModelStore
from crosslabel.data import labelled_cases, unlabelled_cases
from crosslabel.optimisation import processes
from crosslabel.tasks import TaskSpec
from crosslabel.training.adaptation import AdaptationCases, AdaptationJob

torch.set_num_threads(1)


def main(task_json: str, source: str, target: str, run: str, models: str) -> None:
    task = TaskSpec.model_validate_json(task_json)
    cases = AdaptationCases(labelled_cases(Path(source), task), unlabelled_cases(Path(target)))
    with processes.process_group("cpu") as device:
        AdaptationJob(task, cases, ModelStore(Path(models)), Path(run), device=str(device)).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
