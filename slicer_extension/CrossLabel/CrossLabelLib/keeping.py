"""Unsaved work of the case in hand: noticed, kept in time, never thrown away by accident."""

from __future__ import annotations

from typing import TYPE_CHECKING

from CrossLabelLib.autosave import Autosave, Work
from CrossLabelLib.client.errors import ServerError

if TYPE_CHECKING:
    from CrossLabelLib.client.results import Case
    from CrossLabelLib.session import Session


class UnsavedWorkError(Exception):
    """Something would be lost; ask, and do it again with ``discard=True``."""


class Keeping:
    """Counts edits and keeps the segmentation some seconds after one.

    Args:
        session: that it belongs to.
        autosave: where it is kept.

    Attributes:
        unsaved: the segmentation was edited since it came or was sent.
        kept: the newest state on disk; None where there is none.
    """

    def __init__(self, session: Session, autosave: Autosave) -> None:
        self._session = session
        self.autosave = autosave
        self.unsaved = False
        self.kept: Work | None = None
        self.edits = 0
        self._kept_edits = 0
        self._waiting = False
        session.scene.on_edit = self.edited

    def edited(self) -> None:
        """Somebody changed the segmentation."""
        self.edits += 1
        if not self.unsaved:
            self.unsaved = True
            self._session.notify("unsaved")
        if not self._waiting:
            self._waiting = True
            seconds = self._session.settings.get("autosave_seconds")
            self._session.background.later(int(seconds * 1000), self._time_is_up)

    def check(self, *, discard: bool) -> None:
        """Raises UnsavedWorkError where something would be lost and that was not confirmed."""
        if self.unsaved and not discard:
            case = self._session.work.case
            raise UnsavedWorkError(f"The segmentation of {case.id if case else 'the case'} is not sent yet; it would be lost.")

    def check_since(self, edits: int, coming: Case) -> None:
        """Raises ServerError where the case in hand was edited since so many edits, so that another one must not replace it."""
        if self.unsaved and self.edits != edits:
            in_hand = self._session.work.case
            edited = in_hand.id if in_hand is not None else "the case"
            sentence = f"{coming.id} was not opened, because {edited} was edited while it came; send that first."
            raise ServerError(sentence, "refused")

    def keep(self) -> None:
        """Keep the segmentation now, if it changed since the last time."""
        work = self._session.work.described()
        if not self.unsaved or work is None or (self.kept is not None and self._kept_edits == self.edits):
            return
        try:
            self.kept = self.autosave.keep(work, self._session.scene.save_segmentation)
            self._kept_edits = self.edits
        except (OSError, ServerError) as error:
            reason = error.strerror if isinstance(error, OSError) else error.sentence
            sentence = f"The segmentation could not be kept on this computer: {reason}; send it soon."
            self._session.fail(ServerError(sentence, "refused"))

    def sent(self, edits: int) -> None:
        """The state after so many edits was taken by the server."""
        if edits == self.edits:
            self.clean()

    def clean(self) -> None:
        """Nothing is unsaved any more."""
        self.autosave.drop()
        self.kept = None
        if self.unsaved:
            self.unsaved = False
            self._session.notify("unsaved")

    def close(self) -> None:
        self.keep()
        self._session.scene.on_edit = None
        self.autosave.close()

    def _time_is_up(self) -> None:
        self._waiting = False
        self.keep()
