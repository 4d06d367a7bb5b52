"""The images of a studies folder, as last seen."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select, update

from crosslabel.errors import ImageError, NotFoundError
from crosslabel.files import copy_synced, rename_synced, sync_folder
from crosslabel.images import ImageSummary, Modality
from crosslabel.images.naming import suffix_of
from crosslabel.store.database import Database
from crosslabel.store.errors import ConflictError, in_sentences
from crosslabel.store.folders import Folders
from crosslabel.store.records import ImageRecord, ImageState, LabelState
from crosslabel.store.scanning import Scanner
from crosslabel.store.schema import images, labels, leases, marks, pool_scans, rankings, scores
from crosslabel.store.staging import Staging
from crosslabel.store.walking import found_at

# Asked for with every request; building it anew each time takes longer than answering it.
_ONE = select(images).where(images.c.id == bindparam("image_id"))


class Images:
    """Images by id. Whether they are still as they were seen is for :class:`Scanner` to find out."""

    def __init__(self, folders: Folders, database: Database, scanner: Scanner, staging: Staging) -> None:
        self._folders = folders
        self._database = database
        self._scanner = scanner
        self._staging = staging

    def get(self, image_id: str) -> ImageRecord:
        """One image that lies in the folder, readable or not.

        Raises:
            NotFoundError: there is no such image, or it is gone.
        """
        with self._database.reading() as connection:
            row = connection.execute(_ONE, {"image_id": image_id}).one_or_none()
        if row is None or row.state == ImageState.MISSING.value:
            raise NotFoundError(f"There is no image '{image_id}' among the studies; check its id.")
        return self._record(row)

    def list(self, state: ImageState | None = ImageState.READY) -> Sequence[ImageRecord]:
        """All images in a state, or in any, sorted by id."""
        query = select(images).order_by(images.c.id)
        with self._database.reading() as connection:
            rows = connection.execute(query if state is None else query.where(images.c.state == state.value)).all()
        return [self._record(row) for row in rows]

    def count(self) -> int:
        """Number of images that lie in the folder, readable or not."""
        query = select(func.count()).select_from(images).where(images.c.state != ImageState.MISSING.value)
        with self._database.reading() as connection:
            return connection.scalar(query) or 0

    def of_patient(self, patient: str) -> Sequence[ImageRecord]:
        """The images that lie in the folder of the patient with this pseudonym."""
        query = select(images).where(images.c.patient == patient, images.c.state != ImageState.MISSING.value)
        with self._database.reading() as connection:
            return [self._record(row) for row in connection.execute(query.order_by(images.c.id))]

    def known(self, image_ids: Sequence[str]) -> dict[str, ImageRecord]:
        """Those of some images that lie in the folder, readable or not, by id."""
        query = select(images).where(images.c.id.in_(image_ids), images.c.state != ImageState.MISSING.value)
        with self._database.reading() as connection:
            return {row.id: self._record(row) for row in connection.execute(query)}

    def path(self, image_id: str) -> Path:
        """File or DICOM folder of an image, looked at anew.

        Raises:
            NotFoundError: there is no such image, or its file is gone.
            ImageError: it has become a link out of the studies folder.
        """
        path = self.get(image_id).path
        if not self._folders.holds(path):
            raise ImageError(f"The image '{image_id}' is a link out of the studies folder; put the file itself there.")
        if not path.exists():
            raise NotFoundError(f"The file of image '{image_id}' was removed; restore it or choose another image.")
        return path

    def add(self, name: str, source: Path) -> str:
        """Copy an image file, or the folder of a DICOM series, into the studies; gives its id.

        Args:
            name: path within the studies folder, without suffix; the suffix is that of ``source``.
            source: is left where it is.

        Raises:
            CrossLabelError: the name cannot be one of a study.
            ConflictError: there is already an image of this name.
        """
        place = self._folders.new_place(f"{name}{'' if source.is_dir() else suffix_of(source)}")
        copied = self._staging.new_path()
        with in_sentences():
            try:
                _copy(source, copied)
                with self._database.writing() as connection:
                    self._refuse_taken(connection, name, place)
                    rename_synced(copied, place)
            finally:
                _remove(copied)
            return self._scanner.add(found_at(self._folders, place))

    def remove(self, image_id: str) -> None:
        """Delete the file or folder of an image for good; its labels are withdrawn and stay in their history.

        Raises:
            NotFoundError: there is no such image.
        """
        path = self.path(image_id)
        removed = self._staging.new_path()
        with in_sentences():
            with self._database.writing() as connection:
                rename_synced(path, removed)
                sync_folder(path.parent)
                missing = {"state": ImageState.MISSING.value, "verified": False}
                connection.execute(update(images).where(images.c.id == image_id).values(missing))
                # Another image may get this id one day.
                withdrawn = {"state": LabelState.WITHDRAWN.value}
                connection.execute(update(labels).where(labels.c.image_id == image_id).values(withdrawn))
                for table in (scores, leases, marks, rankings, pool_scans):
                    connection.execute(table.delete().where(table.c.image_id == image_id))
            _remove(removed)

    def mark_verified(self, image_ids: Sequence[str]) -> None:
        """Note that the voxels of some images can be read, until their files change; what is gone is passed over."""
        with self._database.writing() as connection:
            connection.execute(update(images).where(images.c.id.in_(image_ids)).values(verified=True))

    def mark_unreadable(self, image_id: str, reason: str) -> None:
        """Note that the voxels cannot be read although the header can, until the file changes."""
        self._update(image_id, state=ImageState.UNREADABLE.value, reason=reason, verified=False)

    def merge_info(self, image_id: str, info: Mapping[str, Any]) -> None:
        """Add to, or replace in, what clients attached to an image; other keys stay.

        Raises:
            NotFoundError: there is no such image.
        """
        with self._database.writing() as connection:
            known = connection.scalar(select(images.c.info).where(images.c.id == image_id))
            if known is None:
                raise NotFoundError(f"There is no image '{image_id}' among the studies; check its id.")
            connection.execute(update(images).where(images.c.id == image_id).values(info={**known, **info}))

    def _update(self, image_id: str, **values: Any) -> None:
        with self._database.writing() as connection:
            if connection.execute(update(images).where(images.c.id == image_id).values(values)).rowcount == 0:
                raise NotFoundError(f"There is no image '{image_id}' among the studies; check its id.")

    def _refuse_taken(self, connection: Connection, name: str, place: Path) -> None:
        state = connection.scalar(select(images.c.state).where(images.c.id == name))
        if place.exists() or state not in (None, ImageState.MISSING.value):
            raise ConflictError(f"There is already an image '{name}'; upload it under another name.")

    def _record(self, row: Row) -> ImageRecord:
        summary = None
        if row.dimension is not None:
            modality = None if row.modality is None else Modality(row.modality)
            geometry = (tuple(row.shape), tuple(row.spacing))
            summary = ImageSummary(row.dimension, modality, row.sequence, *geometry, row.channels, row.evidence)
        return ImageRecord(
            id=row.id,
            path=self._folders.absolute(row.path),
            state=ImageState(row.state),
            reason=row.reason,
            summary=summary,
            patient=row.patient,
            study=row.study,
            verified=row.verified,
            added=row.added,
            changed=row.changed,
            info=row.info,
        )


def require_image(connection: Connection, image_id: str) -> None:
    """Refuse an image that is not, or no longer, in the studies folder.

    Raises:
        NotFoundError: so.
    """
    state = connection.scalar(select(images.c.state).where(images.c.id == image_id))
    if state in (None, ImageState.MISSING.value):
        raise NotFoundError(f"There is no image '{image_id}' among the studies; check its id.")


def _copy(source: Path, target: Path) -> None:
    if not source.is_dir():
        copy_synced(source, target)
        return
    target.mkdir()
    for file in sorted(source.iterdir()):
        if file.is_file() and not file.name.startswith("."):
            copy_synced(file, target / file.name)
    sync_folder(target)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
