"""Bringing the tables of an older CrossLabel up to date."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, select, update

from crosslabel.store import schema


def upgrade(connection: Connection) -> None:
    """Take the steps from the version that the tables have to the present one, in the caller's writing transaction.

    Another process may have taken them meanwhile; then there is nothing to do.
    """
    version = connection.scalar(select(schema.about.c.schema_version))
    for number in range(version, schema.SCHEMA_VERSION):
        _STEPS[number](connection)
    connection.execute(update(schema.about).values(schema_version=max(version, schema.SCHEMA_VERSION)))


def _to_2(connection: Connection) -> None:
    """Tables for choosing and learning, and an index over the kinds of images."""
    tables = (schema.marks, schema.rankings, schema.pool_scans, schema.switches)
    schema.metadata.create_all(connection, tables=tables)
    schema.images_by_kind.create(connection, checkfirst=True)


# By the version that a step starts from.
_STEPS: dict[int, Callable[[Connection], None]] = {1: _to_2}
