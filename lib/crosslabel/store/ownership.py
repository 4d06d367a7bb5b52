"""One database for one studies folder: two on the same would take each other's images for removed."""

from __future__ import annotations

import uuid

from sqlalchemy import select, update

from crosslabel.files import replacing
from crosslabel.store.database import Database
from crosslabel.store.errors import ConflictError
from crosslabel.store.folders import Folders
from crosslabel.store.schema import about


def claim(database: Database, folders: Folders) -> None:
    """Tie a database to a studies folder, by a number that both keep.

    Raises:
        ConflictError: it is tied to another.
    """
    with database.writing() as connection:
        known = connection.scalar(select(about.c.studies))
        if known is None:
            known = uuid.uuid4().hex
            with replacing(folders.identity) as temporary:
                temporary.write_text(known, encoding="utf-8")
            connection.execute(update(about).values(studies=known))
        elif not folders.identity.is_file() or folders.identity.read_text(encoding="utf-8").strip() != known:
            raise ConflictError(
                "The database belongs to another studies folder, so give this one a database of its own; if it is the same "
                f"folder, write {known} into its file .crosslabel/{folders.identity.name}."
            )
