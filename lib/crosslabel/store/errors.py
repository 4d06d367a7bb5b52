"""What can go wrong with the store, as sentences for the person who has to mend it."""

from __future__ import annotations

import errno
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from crosslabel.errors import CrossLabelError

logger = logging.getLogger(__name__)

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class StoreError(CrossLabelError):
    """The store cannot be opened, read or written."""

    status = 500


class ConflictError(CrossLabelError):
    """What is asked for contradicts what the store holds."""

    status = 409


class DiskFullError(StoreError):
    """There is no space left; nothing was written by halves."""

    status = 507


class StoreBusyError(StoreError):
    """Other processes kept the database busy for too long."""

    status = 503


@contextmanager
def in_sentences() -> Iterator[None]:
    """Turn what the disk and the database raise into errors of this module; the details go to the log.

    Raises:
        DiskFullError: there is no space left.
        StoreBusyError: the database stayed locked.
        StoreError: any other failure of the disk or the database.
    """
    try:
        yield
    except (OSError, SQLAlchemyError, sqlite3.Error) as error:
        logger.error("The store failed: %s", error)
        raise _sentence(error) from error


def _sentence(error: OSError | SQLAlchemyError | sqlite3.Error) -> StoreError:
    if isinstance(error, OSError):
        if error.errno in _NO_SPACE:
            return _disk_full()
        return StoreError(f"The studies folder cannot be used ({error.strerror}); check its permissions and its disk.")
    reason = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    if "is full" in reason or "No space left" in reason:
        return _disk_full()
    if "is locked" in reason or isinstance(error, PoolTimeoutError):
        return StoreBusyError("The store is busy with other work; try again in a moment.")
    if "malformed" in reason or "not a database" in reason:
        return StoreError("The store's database is damaged; restore it from a backup with 'crosslabel restore'.")
    return StoreError("The store's database cannot be used; the server's log says why.")


def _disk_full() -> DiskFullError:
    return DiskFullError("The disk is full, so nothing was saved; free some space and save again.")
