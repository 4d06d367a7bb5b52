"""Which study to annotate next."""

from __future__ import annotations

import logging
import random
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from monailabel.interfaces.tasks.strategy import Strategy

from crosslabel.errors import NotFoundError
from crosslabel.server.studies import Studies
from crosslabel.tasks import TaskSpec

logger = logging.getLogger(__name__)


class EligibleStrategy(Strategy):
    """Picks among the studies without a final label that a task is for.

    The task is the request's ``task`` or ``model``; a request that names none may get what any task is for.

    Args:
        description: shown to the user.
        tasks: the served tasks by name.
    """

    def __init__(self, description: str, tasks: Mapping[str, TaskSpec]) -> None:
        super().__init__(description)
        self.tasks = tasks

    def __call__(self, request: Mapping[str, Any], datastore: Studies) -> dict[str, Any] | None:
        """Answer ``{"id": ...}``, or ``None`` when no study is left.

        Raises:
            NotFoundError: the request names a task that is not served.
        """
        tasks = self._asked(request)
        unlabelled = sorted(datastore.get_unlabeled_images())
        eligible = [name for name in unlabelled if any(datastore.is_eligible(name, task) for task in tasks)]
        while eligible:
            picked = self.pick(eligible, str(request.get("strategy", "")), datastore)
            if datastore.is_readable(picked):
                return {"id": picked}
            eligible.remove(picked)
        logger.info("No study is left for %s.", ", ".join(task.name for task in tasks))
        return None

    @abstractmethod
    def pick(self, images: Sequence[str], strategy: str, datastore: Studies) -> str:
        """Choose one of at least one image; earlier picks are recorded under the name ``strategy``."""

    def _asked(self, request: Mapping[str, Any]) -> list[TaskSpec]:
        name = request.get("task") or request.get("model")
        if not name:
            return list(self.tasks.values())
        if name not in self.tasks:
            raise NotFoundError(f"There is no task '{name}' here; this server has: {', '.join(self.tasks)}.")
        return [self.tasks[name]]


class First(EligibleStrategy):
    """The alphabetically first study."""

    def __init__(self, tasks: Mapping[str, TaskSpec]) -> None:
        super().__init__("First study by name", tasks)

    def pick(self, images: Sequence[str], strategy: str, datastore: Studies) -> str:
        return images[0]


class Random(EligibleStrategy):
    """A random study, likelier the longer ago it was handed out: two annotators rarely get the same."""

    def __init__(self, tasks: Mapping[str, TaskSpec]) -> None:
        super().__init__("Random study", tasks)

    def pick(self, images: Sequence[str], strategy: str, datastore: Studies) -> str:
        now = int(time.time())
        handed_out = [datastore.get_image_info(name).get("strategy", {}).get(strategy, {}).get("ts", 0) for name in images]
        # At least 1: studies that were all handed out within this second would leave nothing to draw from.
        return random.choices(images, weights=[max(1, now - timestamp) for timestamp in handed_out])[0]
