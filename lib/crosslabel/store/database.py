"""One database for several processes: SQLite in a file, or PostgreSQL by its URL."""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from crosslabel.store import schema
from crosslabel.store.errors import StoreError, in_sentences
from crosslabel.store.migration import upgrade

BUSY_SECONDS = 30
_WRITES = "crosslabel_writes"
# Any number that no other program takes for its advisory locks in the same PostgreSQL database.
_WRITERS_LOCK = 0x43524F53534C4142


class Database:
    """Transactions on the store's tables, which are made when it is opened first.

    Writers queue: on SQLite behind the lock that ``BEGIN IMMEDIATE`` takes, on PostgreSQL behind an advisory lock.
    What a writer reads is therefore still true when it commits, also between processes. A commit is on the disk
    when :meth:`writing` is left. Open one in each process; a connection does not survive a fork.

    Args:
        url: ``sqlite:///PATH`` or ``postgresql+psycopg://...``.

    Raises:
        StoreError: the database cannot be opened, or was made by a newer CrossLabel.
    """

    def __init__(self, url: str | URL) -> None:
        try:
            self.url = make_url(url)
            self._engine = create_engine(self.url, **self._options())
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise StoreError(
                "The database's URL cannot be used; give sqlite:///PATH, or postgresql+psycopg://USER@HOST/NAME with "
                "the package psycopg installed."
            ) from error
        if self.sqlite_file is not None:
            event.listen(self._engine, "connect", _prepare_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        self.writer = self._engine.execution_options(**{_WRITES: True})
        self.pseudonym_key = self._made_or_checked()

    @property
    def sqlite_file(self) -> Path | None:
        """The file of an SQLite database; None for PostgreSQL."""
        return Path(self.url.database or "") if self.url.get_backend_name() == "sqlite" else None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database and changes nothing."""
        with in_sentences(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """The only transaction that writes at this moment; committed at the end, undone by any exception."""
        with in_sentences(), self.writer.begin() as connection:
            if self.sqlite_file is None:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITERS_LOCK})
            yield connection

    def close(self) -> None:
        """Give all connections back; the database can be used again afterwards."""
        self._engine.dispose()

    def _options(self) -> dict[str, Any]:
        # Errors go to the log, and what users wrote does not belong there.
        common = {"hide_parameters": True}
        if self.sqlite_file is not None:
            return {**common, "connect_args": {"timeout": BUSY_SECONDS}}
        return {**common, "pool_pre_ping": True}

    def _made_or_checked(self) -> str:
        # Under the writers' lock, so that of two processes that start at once one finds the other's tables.
        with self.writing() as connection:
            if not inspect(connection).has_table(schema.about.name):
                schema.metadata.create_all(connection)
                row = {"id": 1, "schema_version": schema.SCHEMA_VERSION, "pseudonym_key": secrets.token_hex(32)}
                connection.execute(schema.about.insert(), row)
            version, key = connection.execute(select(schema.about.c.schema_version, schema.about.c.pseudonym_key)).one()
        if version > schema.SCHEMA_VERSION:
            raise StoreError(
                f"The store was written by a newer CrossLabel (its tables have version {version}); update CrossLabel."
            )
        if version < schema.SCHEMA_VERSION:
            with self.writing() as connection:
                upgrade(connection)
        return key


def _prepare_sqlite(connection: Any, _: Any) -> None:
    # The driver would begin transactions by itself, later than asked and without the lock for writing.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
    _log_ahead(cursor)
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _log_ahead(cursor: sqlite3.Cursor) -> None:
    """Switch to a write-ahead log. SQLite does not wait for that, so of processes that open a new file at once all but one
    are told that it is locked, and have to ask again.
    """
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
            time.sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
