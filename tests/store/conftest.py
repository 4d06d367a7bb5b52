"""A studies folder with small volumes, and a store on it."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import create_engine

from crosslabel.store import Store, schema
from store_files import write_volume

# Set to postgresql+psycopg://... to run the same tests on an empty PostgreSQL database.
DATABASE = os.environ.get("CROSSLABEL_TEST_DATABASE")


class Clock:
    """Time that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = datetime(2030, 1, 31, 12, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def database_url():
    """None for SQLite in the studies folder; a PostgreSQL database is emptied first."""
    if DATABASE is not None:
        engine = create_engine(DATABASE)
        schema.metadata.drop_all(engine)
        engine.dispose()
    return DATABASE


@pytest.fixture
def studies(tmp_path):
    folder = tmp_path / "studies"
    for number in range(4):
        write_volume(folder / f"mr_{number}.nii.gz", number)
    return folder


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(studies, database_url, clock):
    with Store(studies, database_url, clock=clock) as opened:
        opened.scan()
        yield opened


@pytest.fixture
def label_file(tmp_path):
    """Writes a label file whose voxels all have one value."""

    def write(value=1):
        return write_volume(tmp_path / "drawn" / f"label_{value}.nii.gz", value)

    return write
