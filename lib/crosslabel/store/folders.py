"""The studies folder: where what lies, and no way out of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from crosslabel.errors import CrossLabelError

LABELS = "labels"
_OWN = ".crosslabel"


@dataclass(frozen=True)
class Folders:
    """Places in a studies folder.

    Args:
        studies: absolute, without links.
    """

    studies: Path

    @property
    def own(self) -> Path:
        """Hidden folder for the database and the audit log; its name keeps it out of every scan."""
        return self.studies / _OWN

    @property
    def labels(self) -> Path:
        return self.studies / LABELS

    @property
    def staging(self) -> Path:
        """Files on their way to their place; on the same disk, so that a rename takes them there."""
        return self.own / "staging"

    @property
    def identity(self) -> Path:
        """Which database belongs to the folder, where it does not lie in it."""
        return self.own / "identity"

    def make_own(self) -> None:
        """Make the hidden folder, which is for its owner only."""
        self.own.mkdir(exist_ok=True)
        if os.name == "posix":
            self.own.chmod(0o700)

    @property
    def audit(self) -> Path:
        return self.own / "audit"

    def relative(self, path: Path) -> str:
        """A path in the studies folder as the database keeps it, with ``/`` on every system."""
        return path.relative_to(self.studies).as_posix()

    def absolute(self, relative: str) -> Path:
        """The path of what the database keeps."""
        return self.studies / relative

    def holds(self, path: Path) -> bool:
        """Whether a path stays in the studies folder when its links are followed."""
        return path.resolve().is_relative_to(self.studies)

    def new_place(self, name: str) -> Path:
        """Where a new study named ``name`` (with suffix, may hold ``/``) goes.

        Raises:
            CrossLabelError: the name would leave the folder, be hidden, or lie among the labels.
        """
        parts = PurePosixPath(name).parts
        plain = bool(parts) and not any(part.startswith(".") or "\\" in part or "\0" in part for part in parts)
        path = self.studies.joinpath(*parts)
        if not plain or PurePosixPath(name).is_absolute() or parts[0] == LABELS or not self.holds(path):
            raise CrossLabelError(f"'{name}' cannot be the name of a study; use letters, digits, '-' and '_'.")
        return path
