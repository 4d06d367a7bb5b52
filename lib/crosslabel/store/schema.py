"""The tables. Labels, scores and leases belong to a pair of task and image; times are UTC."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect

SCHEMA_VERSION = 2


class UtcTime(TypeDecorator[datetime]):
    """Aware times in UTC; SQLite knows no time zones and would forget them."""

    impl = DateTime(timezone=False)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(timezone.utc).replace(tzinfo=None)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=timezone.utc)


metadata = MetaData()

# One row: which version the tables are of, the studies folder that they belong to, and the key of its pseudonyms.
about = Table(
    "about",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("schema_version", Integer, nullable=False),
    Column("studies", String(32)),  # NULL for a database that lies in its folder
    Column("pseudonym_key", String(64), nullable=False),
)

images = Table(
    "images",
    metadata,
    Column("id", Text, primary_key=True),
    Column("path", Text, nullable=False, unique=True),  # relative to the studies folder, with /
    # Of all files that make up the image and its sidecar: they tell whether it has to be read again.
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("reason", Text, nullable=False, default=""),
    Column("dimension", Integer),
    Column("modality", String(8)),
    Column("sequence", String(32)),
    Column("evidence", Text, nullable=False, default=""),
    Column("channels", Integer),
    Column("shape", JSON),
    Column("spacing", JSON),
    Column("patient", String(32), nullable=False, index=True),
    Column("study", String(32), nullable=False, index=True),
    Column("verified", Boolean, nullable=False, default=False),
    Column("added", UtcTime, nullable=False),
    Column("changed", UtcTime, nullable=False),
    Column("info", JSON, nullable=False, default=dict),
)
# Which kinds of image there are, without reading the images.
images_by_kind = Index("images_by_kind", images.c.state, images.c.dimension, images.c.modality, images.c.sequence, images.c.id)


def _pair() -> tuple[Column, Column]:
    return (
        Column("task", String(63), nullable=False),
        Column("image_id", Text, ForeignKey("images.id"), nullable=False),
    )


labels = Table(
    "labels",
    metadata,
    Column("id", Integer, primary_key=True),
    *_pair(),
    Column("version", Integer, nullable=False),
    Column("tag", String(64), nullable=False),
    Column("path", Text),  # relative to the studies folder, with /; NULL for a class
    Column("class_name", Text),
    Column("sha256", String(64), nullable=False),
    Column("author", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("proposal", Text, nullable=False),
    Column("params", JSON, nullable=False),
    Column("parents", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("created", UtcTime, nullable=False),
    UniqueConstraint("task", "image_id", "version"),
    Index("labels_by_tag", "task", "tag", "image_id"),
)

reviews = Table(
    "label_reviews",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("label_id", Integer, ForeignKey("labels.id"), nullable=False, index=True),
    Column("reviewer", Text, nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("comment", Text, nullable=False),
    Column("created", UtcTime, nullable=False),
)

scores = Table(
    "scores",
    metadata,
    *_pair(),
    Column("name", String(64), nullable=False),
    Column("value", Float, nullable=False),
    Column("checkpoint", Text, nullable=False),
    Column("updated", UtcTime, nullable=False),
    UniqueConstraint("task", "image_id", "name"),
)

leases = Table(
    "leases",
    metadata,
    *_pair(),
    Column("holder", Text, nullable=False),
    Column("expires", UtcTime, nullable=False),
    UniqueConstraint("task", "image_id"),
)

# What people said about whether a case is to be annotated.
marks = Table(
    "marks",
    metadata,
    *_pair(),
    Column("pinned", Boolean, nullable=False),
    Column("skipped", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("updated", UtcTime, nullable=False),
    UniqueConstraint("task", "image_id"),
)

# The order in which a strategy would have the images of a task annotated, best first.
rankings = Table(
    "rankings",
    metadata,
    *_pair(),
    Column("strategy", String(64), nullable=False),
    Column("rank", Integer, nullable=False),  # 1, 2, ...
    Column("score", Float),
    Column("sentence", Text, nullable=False),
    Column("checkpoint", Text, nullable=False),
    UniqueConstraint("task", "strategy", "image_id"),
    Index("rankings_by_rank", "task", "strategy", "rank"),
)

# What a checkpoint last saw in an image, and of which content of the file.
pool_scans = Table(
    "pool_scans",
    metadata,
    *_pair(),
    Column("checkpoint", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("problem", Text, nullable=False),  # why it has no scores; empty where it has
    Column("vectors", LargeBinary),  # numpy arrays by name, as numpy.savez writes them
    Column("updated", UtcTime, nullable=False),
    UniqueConstraint("task", "image_id"),
)

# One row for each task whose learning somebody switched.
switches = Table(
    "switches",
    metadata,
    Column("task", String(63), primary_key=True),
    Column("switch", String(16), nullable=False),
    Column("author", Text, nullable=False),
    Column("changed", UtcTime, nullable=False),
)
