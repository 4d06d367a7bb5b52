"""Which study to annotate next, in the words of MONAI Label."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from monailabel.interfaces.tasks.strategy import Strategy

from crosslabel.active import STRATEGIES
from crosslabel.errors import NotFoundError
from crosslabel.server.next_case import hand_out
from crosslabel.server.studies import Studies
from crosslabel.tasks import TaskSpec

logger = logging.getLogger(__name__)


class RankedStrategy(Strategy):
    """Picks among the studies that a task is for and that have no final label of this task, or one that was sent back.

    The order comes from the last look at the pool; choosing is a query. The task is the request's ``task`` or ``model``; a
    request that names none may get what any task is for.

    Args:
        name: of the strategy.
        title: shown to the user.
        tasks: the served tasks by name.
    """

    def __init__(self, name: str, title: str, tasks: Mapping[str, TaskSpec]) -> None:
        super().__init__(title)
        self.name = name
        self.tasks = tasks

    def __call__(self, request: Mapping[str, Any], datastore: Studies) -> dict[str, Any] | None:
        """Lease a study to ``request["holder"]``, else ``client_id``; ``None`` when no study is left.

        The answer holds ``id``, the ``task`` that it is for, ``why``, and ``lease_expires`` (ISO 8601); until then nobody
        else gets the study for this task.

        Raises:
            NotFoundError: the request names a task that is not served.
        """
        holder = str(request.get("holder") or request.get("client_id") or "anyone")
        tasks = self._asked(request)
        for task in tasks:
            given, _ = hand_out(datastore, task, holder, strategy=self.name)
            if given:
                expires = given[0].lease.expires.isoformat()
                return {"id": given[0].case.image_id, "task": task.name, "lease_expires": expires, "why": given[0].why}
        logger.info("No study is left for %s.", ", ".join(task.name for task in tasks))
        return None

    def _asked(self, request: Mapping[str, Any]) -> list[TaskSpec]:
        name = request.get("task") or request.get("model")
        if not name:
            return list(self.tasks.values())
        if not isinstance(name, str) or name not in self.tasks:
            raise NotFoundError(f"There is no task '{name}' here; this server has: {', '.join(self.tasks)}.")
        return [self.tasks[name]]


def all_strategies(tasks: Mapping[str, TaskSpec]) -> dict[str, RankedStrategy]:
    """Every strategy by name; stock clients show the first one first."""
    titles = {**{name: strategy.title for name, strategy in STRATEGIES.items()}, "first": "First study by name"}
    return {name: RankedStrategy(name, title, tasks) for name, title in titles.items()}
