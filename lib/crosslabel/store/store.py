"""The store of a studies folder: images, labels, reviews, what waits for a label, and the audit log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType

from sqlalchemy import URL

from crosslabel.errors import NotFoundError
from crosslabel.store.audit import AuditLog
from crosslabel.store.case_list import CaseList
from crosslabel.store.database import Database
from crosslabel.store.errors import in_sentences
from crosslabel.store.folders import Folders
from crosslabel.store.images import Images
from crosslabel.store.labels import Labels
from crosslabel.store.leases import Leases
from crosslabel.store.marks import Marks
from crosslabel.store.ownership import claim
from crosslabel.store.pool_scans import PoolScans
from crosslabel.store.rankings import Rankings
from crosslabel.store.reviews import Reviews
from crosslabel.store.scanning import Progress, Scanner, ScanReport
from crosslabel.store.scores import Scores
from crosslabel.store.staging import Staging
from crosslabel.store.switches import Switches
from crosslabel.store.worklist import Worklist

DATABASE_FILE = "store.sqlite"


def _now() -> datetime:
    return datetime.now(timezone.utc)


class Store:
    """What is known of the images in one folder and of the work on them.

    Any number of processes may open the store of one folder at once, each for itself (not before a fork), and any
    number of threads may share an opened one. What a method has returned from survives a crash. The index is what the
    last :meth:`scan` saw; opening a store does not scan.

    Args:
        studies: folder of the images.
        database_url: ``postgresql+psycopg://...``, a database for this folder alone; SQLite in ``studies/.crosslabel`` if
            None, which needs a local disk.
        clock: gives the time, aware.

    Raises:
        NotFoundError: there is no such folder.
        StoreError: the database cannot be opened.
        ConflictError: it belongs to another studies folder.
    """

    def __init__(self, studies: Path | str, database_url: str | None = None, *, clock: Callable[[], datetime] = _now) -> None:
        if not Path(studies).is_dir():
            raise NotFoundError(f"The studies folder '{studies}' does not exist; make it or check its name.")
        self.folders = Folders(Path(studies).resolve())
        with in_sentences():
            self.folders.make_own()
        self.database = Database(database_url or URL.create("sqlite", database=str(self.folders.own / DATABASE_FILE)))
        if database_url:
            claim(self.database, self.folders)
        self._staging = Staging(self.folders, self.database)
        self._staging.clean()
        self._scanner = Scanner(self.folders, self.database, clock)
        self.images = Images(self.folders, self.database, self._scanner, self._staging)
        self.labels = Labels(self.folders, self.database, self._staging, clock)
        self.reviews = Reviews(self.folders, self.database, self.labels, clock)
        self.scores = Scores(self.database, clock)
        self.leases = Leases(self.database, clock)
        self.marks = Marks(self.database, clock)
        self.rankings = Rankings(self.database)
        self.pool_scans = PoolScans(self.database, clock)
        self.switches = Switches(self.database, clock)
        self.worklist = Worklist(self.database, clock)
        self.cases = CaseList(self.database, clock)
        self.audit = AuditLog(self.folders.audit, clock)

    def scan(self, progress: Progress | None = None, cancelled: Callable[[], bool] = lambda: False) -> ScanReport:
        """Bring the index up to date with the folder; see :meth:`Scanner.scan`."""
        return self._scanner.scan(progress, cancelled)

    def close(self) -> None:
        """Give back the database and remove this process's temporary files."""
        self._staging.close()
        self.database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
