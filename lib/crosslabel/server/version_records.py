"""What versions say of themselves, read once: a published version never changes."""

from __future__ import annotations

import json
from typing import Any

from crosslabel.checkpoints import ModelStore, Version
from crosslabel.tasks import TaskSpec


class VersionRecords:
    """Records by version.

    Args:
        models: where the versions lie.
    """

    def __init__(self, models: ModelStore) -> None:
        self._models = models
        self._known: dict[Version, dict[str, Any]] = {}

    def of(self, version: Version) -> dict[str, Any]:
        """The provenance of a trained version; empty for one whose record is gone."""
        if version not in self._known:
            try:
                self._known[version] = self._models.record(version)
            except (FileNotFoundError, json.JSONDecodeError):
                return {}
        return self._known[version]

    def all(self, task: TaskSpec) -> list[tuple[Version, dict[str, Any]]]:
        """The trained versions of a task with their records, oldest first."""
        return [(version, self.of(version)) for version in self._models.versions(task)]
