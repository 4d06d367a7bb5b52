"""What a person may do."""

from __future__ import annotations

from enum import Enum


class Role(str, Enum):
    """Each role may do all that the ones before it may."""

    ANNOTATE = "annotate"
    REVIEW = "review"
    ADMINISTER = "administer"

    def includes(self, other: Role) -> bool:
        """Whether who has this role may do what asks for ``other``."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(other)
