"""Bringing the index up to date with the studies folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import Connection, Row, select, update

from crosslabel.errors import CrossLabelError
from crosslabel.images import describe_image, image_id_of
from crosslabel.store.database import Database
from crosslabel.store.errors import in_sentences
from crosslabel.store.folders import Folders
from crosslabel.store.pseudonyms import Pseudonyms
from crosslabel.store.records import ImageState
from crosslabel.store.schema import images
from crosslabel.store.walking import SERIES, Found, Walk

Progress = Callable[[int, int], None]
_BATCH = 100
_NOTHING_KNOWN = {
    "state": ImageState.UNREADABLE.value,
    **dict.fromkeys(("dimension", "modality", "sequence", "channels", "shape", "spacing")),
    "evidence": "",
}


@dataclass
class ScanReport:
    """What a scan found.

    Attributes:
        total: images that lie in the folder.
        added: new ones.
        changed: ones whose files changed, or came back.
        missing: ones whose files are gone since the last scan.
        unreadable: of those that were read now, why they cannot be, by id.
        skipped: what was left out and why, by path.
        complete: False where the scan was cancelled.
    """

    total: int = 0
    added: int = 0
    changed: int = 0
    missing: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    complete: bool = True


class Scanner:
    """Finds what was added, changed and removed, and reads the headers of that alone.

    Args:
        clock: gives the time.
    """

    def __init__(self, folders: Folders, database: Database, clock: Callable[[], datetime]) -> None:
        self._folders = folders
        self._database = database
        self._clock = clock
        self._pseudonyms = Pseudonyms(database.pseudonym_key)

    def scan(self, progress: Progress | None = None, cancelled: Callable[[], bool] = lambda: False) -> ScanReport:
        """Scan the whole folder; may run in a thread while others use the index, which it fills batch by batch.

        Args:
            progress: called with the numbers of images that are up to date and of all.
            cancelled: asked after each batch.

        Raises:
            StoreError: the studies folder cannot be listed, such as a network drive that is away; nothing is then
                taken for removed.
        """
        with self._database.reading() as connection:
            columns = (images.c.path, images.c.size, images.c.mtime_ns, images.c.state)
            known = {row.path: row for row in connection.execute(select(*columns))}
        with in_sentences():
            walk = Walk(self._folders, frozenset(known))
            found = {each.path: each for each in walk}
        report = ScanReport(total=len(found), skipped=walk.skipped)
        stale = [each for each in found.values() if not _is_current(each, known.get(each.path))]
        done = len(found) - len(stale)
        self._mark_missing(known, found, walk.unread, report)
        for start in range(0, len(stale), _BATCH):
            _report(progress, done + start, len(found))
            if cancelled():
                report.complete = False
                return report
            self._update(stale[start : start + _BATCH], report)
        _report(progress, len(found), len(found))
        return report

    def add(self, found: Found) -> str:
        """Index one image at once; gives its id."""
        described = self._described(found)
        with self._database.writing() as connection:
            return self._write(connection, found, described, ScanReport())

    def _update(self, stale: Sequence[Found], report: ScanReport) -> None:
        described = [self._described(each) for each in stale]
        with self._database.writing() as connection:
            for each, values in zip(stale, described, strict=True):
                self._write(connection, each, values, report)

    def _described(self, found: Found) -> dict[str, Any]:
        path = self._folders.absolute(found.path)
        patient, study = self._pseudonyms.of(path, _plain_id(found))
        values: dict[str, Any] = {"size": found.size, "mtime_ns": found.mtime_ns, "patient": patient, "study": study}
        try:
            summary = describe_image(path)
        except CrossLabelError as error:
            return {**values, **_NOTHING_KNOWN, "reason": str(error)}
        except OSError:
            # Permissions and drives mend without a change of the file, so the next scan has to try again.
            return {**values, **_NOTHING_KNOWN, "mtime_ns": 0, "reason": "The file cannot be opened; check its permissions."}
        return {
            **values,
            "state": ImageState.READY.value,
            "reason": "",
            "dimension": summary.dimension,
            "modality": None if summary.modality is None else summary.modality.value,
            "sequence": summary.sequence,
            "evidence": summary.evidence,
            "channels": summary.channels,
            "shape": list(summary.shape),
            "spacing": list(summary.spacing),
        }

    def _write(self, connection: Connection, found: Found, values: dict[str, Any], report: ScanReport) -> str:
        now = self._clock()
        image_id = connection.scalar(select(images.c.id).where(images.c.path == found.path))
        if image_id is None:
            image_id = _free_id(connection, found)
        row = connection.execute(select(images.c.size, images.c.mtime_ns).where(images.c.id == image_id)).one_or_none()
        if row is None:
            connection.execute(images.insert().values(id=image_id, path=found.path, added=now, changed=now, **values))
            report.added += 1
        else:
            # An image that was away and comes back as it was is still what its labels were drawn on.
            same = (row.size, row.mtime_ns) == (found.size, found.mtime_ns)
            renewed = {"path": found.path, "verified": False, **({} if same else {"changed": now}), **values}
            connection.execute(update(images).where(images.c.id == image_id).values(renewed))
            report.changed += 1
        if values["reason"]:
            report.unreadable[image_id] = values["reason"]
        return image_id

    def _mark_missing(
        self, known: Mapping[str, Row], found: Mapping[str, Found], unread: Sequence[str], report: ScanReport
    ) -> None:
        hidden = tuple(f"{folder}/" for folder in unread)
        gone = [
            path
            for path, row in known.items()
            if path not in found and row.state != ImageState.MISSING.value and not f"{path}/".startswith(hidden)
        ]
        for start in range(0, len(gone), _BATCH):
            with self._database.writing() as connection:
                rows = images.c.path.in_(gone[start : start + _BATCH])
                connection.execute(update(images).where(rows).values(state=ImageState.MISSING.value, verified=False))
        report.missing = len(gone)


def _is_current(found: Found, row: Row | None) -> bool:
    if row is None or row.state == ImageState.MISSING.value:
        return False
    return (row.size, row.mtime_ns) == (found.size, found.mtime_ns)


def _plain_id(found: Found) -> str:
    path = PurePosixPath(found.path)
    return found.path if found.kind == SERIES else str(path.with_name(image_id_of(path.name)))


def _free_id(connection: Connection, found: Found) -> str:
    """An id that no image has, or that of one which is gone and comes back in another format."""
    for candidate in _possible_ids(found):
        state = connection.scalar(select(images.c.state).where(images.c.id == candidate))
        if state in (None, ImageState.MISSING.value):
            return candidate
    raise AssertionError("there is always a number that is free")


def _possible_ids(found: Found) -> Iterator[str]:
    yield _plain_id(found)
    yield found.path
    yield from (f"{found.path}~{number}" for number in count(2))


def _report(progress: Progress | None, done: int, total: int) -> None:
    if progress is not None:
        progress(done, total)
