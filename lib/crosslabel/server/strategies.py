"""Which study to annotate next."""

from __future__ import annotations

import logging
import random
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from monailabel.interfaces.tasks.strategy import Strategy

from crosslabel.errors import NotFoundError
from crosslabel.server.studies import Studies
from crosslabel.store import ImageRecord
from crosslabel.tasks import TaskSpec

logger = logging.getLogger(__name__)

_LEASE_SECONDS = 30 * 60


class EligibleStrategy(Strategy):
    """Picks among the studies that a task is for and that have no final label of this task, or one that was sent back.

    The task is the request's ``task`` or ``model``; a request that names none may get what any task is for.

    Args:
        description: shown to the user.
        tasks: the served tasks by name.
    """

    def __init__(self, description: str, tasks: Mapping[str, TaskSpec]) -> None:
        super().__init__(description)
        self.tasks = tasks

    def __call__(self, request: Mapping[str, Any], datastore: Studies) -> dict[str, Any] | None:
        """Lease a study to ``request["holder"]``, else ``client_id``; ``None`` when no study is left.

        The answer holds ``id``, the ``task`` that it is for and ``lease_expires`` (ISO 8601); until then nobody else
        gets the study for this task.

        Raises:
            NotFoundError: the request names a task that is not served.
        """
        tasks = self._asked(request)
        holder = str(request.get("holder") or request.get("client_id") or "anyone")
        for task in tasks:
            for image in self.ordered(datastore.waiting(task, holder)):
                if not datastore.is_readable(image.id):
                    continue
                lease = datastore.store.leases.acquire(task.name, image.id, holder, _LEASE_SECONDS)
                if lease is not None:
                    return {"id": image.id, "task": task.name, "lease_expires": lease.expires.isoformat()}
        logger.info("No study is left for %s.", ", ".join(task.name for task in tasks))
        return None

    @abstractmethod
    def ordered(self, images: Sequence[ImageRecord]) -> Sequence[ImageRecord]:
        """The same images, the most wanted first."""

    def _asked(self, request: Mapping[str, Any]) -> list[TaskSpec]:
        name = request.get("task") or request.get("model")
        if not name:
            return list(self.tasks.values())
        if not isinstance(name, str) or name not in self.tasks:
            raise NotFoundError(f"There is no task '{name}' here; this server has: {', '.join(self.tasks)}.")
        return [self.tasks[name]]


class First(EligibleStrategy):
    """The alphabetically first study."""

    def __init__(self, tasks: Mapping[str, TaskSpec]) -> None:
        super().__init__("First study by name", tasks)

    def ordered(self, images: Sequence[ImageRecord]) -> Sequence[ImageRecord]:
        return sorted(images, key=lambda image: image.id)


class Random(EligibleStrategy):
    """A random study."""

    def __init__(self, tasks: Mapping[str, TaskSpec]) -> None:
        super().__init__("Random study", tasks)

    def ordered(self, images: Sequence[ImageRecord]) -> Sequence[ImageRecord]:
        return random.sample(images, len(images))
