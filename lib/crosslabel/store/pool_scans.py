"""What a checkpoint last saw in each image, so that only what changed is looked at again."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from sqlalchemy import select

from crosslabel.store.database import Database
from crosslabel.store.labels import check_names
from crosslabel.store.schema import images, pool_scans, scores


@dataclass(frozen=True, eq=False)
class PoolScan:
    """One image as a checkpoint saw it.

    Attributes:
        image_id: the image.
        scores: by name; finite.
        vectors: float32 arrays by name, such as features.
        problem: why the image could not be scored; empty where it was.
    """

    image_id: str
    scores: Mapping[str, float] = field(default_factory=dict)
    vectors: Mapping[str, np.ndarray] = field(default_factory=dict)
    problem: str = ""


class PoolScans:
    """The last scan of each (task, image) pair; it counts until the image's file or the checkpoint is another."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def outdated(self, task: str, checkpoint: str, image_ids: Sequence[str]) -> list[str]:
        """Those of some images that this checkpoint has not seen as their files are now, in the given order."""
        same = (pool_scans.c.size == images.c.size) & (pool_scans.c.mtime_ns == images.c.mtime_ns)
        joined = pool_scans.join(images, images.c.id == pool_scans.c.image_id)
        mine = (pool_scans.c.task == task) & (pool_scans.c.checkpoint == checkpoint)
        with self._database.reading() as connection:
            seen = set(connection.scalars(select(pool_scans.c.image_id).select_from(joined).where(mine, same)))
        return [image_id for image_id in image_ids if image_id not in seen]

    def save(self, task: str, checkpoint: str, scans: Sequence[PoolScan]) -> None:
        """Keep what was seen, with the scores also under their names; all of it or nothing.

        Images that have gone meanwhile are left out.
        """
        check_names(task)
        with self._database.writing() as connection:
            ids = [scan.image_id for scan in scans]
            files = select(images.c.id, images.c.size, images.c.mtime_ns).where(images.c.id.in_(ids))
            known = {row.id: row for row in connection.execute(files)}
            kept = [scan for scan in scans if scan.image_id in known]
            now = self._clock()
            for table in (pool_scans, scores):
                connection.execute(table.delete().where(table.c.task == task, table.c.image_id.in_(list(known))))
            rows = [
                {
                    "task": task,
                    "image_id": scan.image_id,
                    "checkpoint": checkpoint,
                    "size": known[scan.image_id].size,
                    "mtime_ns": known[scan.image_id].mtime_ns,
                    "problem": scan.problem,
                    "vectors": _packed(scan.vectors) if scan.vectors else None,
                    "updated": now,
                }
                for scan in kept
            ]
            values = [
                {
                    "task": task,
                    "image_id": scan.image_id,
                    "name": name,
                    "value": value,
                    "checkpoint": checkpoint,
                    "updated": now,
                }
                for scan in kept
                for name, value in scan.scores.items()
            ]
            for table, content in ((pool_scans, rows), (scores, values)):
                if content:
                    connection.execute(table.insert(), content)

    def of(self, task: str, checkpoint: str) -> dict[str, PoolScan]:
        """All that a checkpoint has seen, by image id; images with problems too."""
        mine = (pool_scans.c.task == task) & (pool_scans.c.checkpoint == checkpoint)
        of_it = (scores.c.task == task) & (scores.c.checkpoint == checkpoint)
        by_image: dict[str, dict[str, float]] = {}
        with self._database.reading() as connection:
            for row in connection.execute(select(scores.c.image_id, scores.c.name, scores.c.value).where(of_it)):
                by_image.setdefault(row.image_id, {})[row.name] = row.value
            rows = connection.execute(select(pool_scans).where(mine).order_by(pool_scans.c.image_id)).all()
        return {
            row.image_id: PoolScan(row.image_id, by_image.get(row.image_id, {}), _unpacked(row.vectors), row.problem)
            for row in rows
        }


def _packed(vectors: Mapping[str, np.ndarray]) -> bytes:
    content = io.BytesIO()
    np.savez(content, **{name: np.asarray(vector, np.float32) for name, vector in vectors.items()})
    return content.getvalue()


def _unpacked(content: bytes | None) -> dict[str, np.ndarray]:
    if content is None:
        return {}
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}
