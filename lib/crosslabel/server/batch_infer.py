"""Inference over many studies in a background process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from monailabel.interfaces.tasks.batch_infer import BatchInferTask

from crosslabel.errors import NotFoundError
from crosslabel.server.studies import Studies
from crosslabel.tasks import TaskSpec


class EligibleBatchInfer(BatchInferTask):
    """Predicts the studies that the model is for, also on a machine without a GPU.

    Args:
        tasks: the served tasks by name.
    """

    def __init__(self, tasks: Mapping[str, TaskSpec]) -> None:
        self.tasks = tasks

    def get_images(self, request: Mapping[str, Any], datastore: Studies) -> list[str]:
        """Ids of the asked-for studies that are of the task's kind and can be read: a damaged one would end the batch.

        Raises:
            NotFoundError: the request names a task that is not served.
        """
        task = self.tasks.get(request.get("model", ""))
        if task is None:
            raise NotFoundError(f"There is no task '{request.get('model')}' here; this server has: {', '.join(self.tasks)}.")
        asked = super().get_images(request, datastore)
        # One by one, so that what was read stays known where a large batch is stopped.
        return [name for name in asked if datastore.is_eligible(name, task) and datastore.readable([name])]

    def __call__(self, request: Mapping[str, Any], datastore: Studies, infer: Callable[..., Any]) -> dict[str, Any]:
        if not torch.cuda.is_available():
            # The defaults ask for several GPUs and divide by how many there are.
            request = {**request, "device": "cpu", "multi_gpu": False}
        return super().__call__(request, datastore, infer)
