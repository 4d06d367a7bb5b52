"""Images that a client sends for a while, each in a folder of its own that only the server names."""

from __future__ import annotations

import json
import logging
import math
import shutil
import time
import uuid
from pathlib import Path

from monailabel.utils.sessions import SessionInfo

from crosslabel.files import write_json

logger = logging.getLogger(__name__)

_META = "session.json"
_IMAGE = "image"


def _left_since(place: Path) -> float:
    """When a server was killed before it described a session; never for a folder that holds anything but an image."""
    ours = all(path.name.startswith(_IMAGE) for path in place.iterdir())
    return place.stat().st_mtime if ours else math.inf


class Sessions:
    """MONAI Label's sessions without its trust in names, and in what lies in their folders.

    Args:
        folder: where they are kept; only folders that were made here are read or removed.
        expiry: longest time that a session lives after it was last used, in seconds.
    """

    def __init__(self, folder: Path, expiry: int) -> None:
        self.folder = folder
        self.expiry = expiry

    def add_session(self, image: Path | str, expiry: int = 0, uncompress: bool = False) -> tuple[str, SessionInfo]:
        """Move a file or folder into a new session.

        Args:
            image: checked before.
            expiry: seconds; at most the longest, which is also the default.
            uncompress: given by the stock server; a zip is read as it is, and other archives are never unpacked.
        """
        image = Path(image)
        session_id, now = uuid.uuid4().hex, int(time.time())
        place = self.folder / session_id
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        place.mkdir(mode=0o700)
        kept = place / f"{_IMAGE}{''.join(image.suffixes)}"
        lifetime = min(expiry, self.expiry) if expiry > 0 else self.expiry
        try:
            shutil.move(image, kept)
            write_json(place / _META, {"image": kept.name, "created": now, "used": now, "expiry": lifetime}, mode=0o600)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        return session_id, self._read(place)

    def get_session(self, session_id: str, update_ts: bool = True) -> SessionInfo | None:
        """A session that has not expired; ``None`` for what is no session's id too."""
        place = self._place(session_id)
        session = self._read(place) if place is not None else None
        if session is None or place is None or session.last_access_ts + session.expiry < time.time():
            return None
        if update_ts:
            session.last_access_ts = int(time.time())
            content = {
                "image": Path(session.image).name,
                "created": session.create_ts,
                "used": session.last_access_ts,
                "expiry": session.expiry,
            }
            write_json(place / _META, content, mode=0o600)
        return session

    def remove_session(self, session_id: str) -> None:
        """Remove a session's image; nothing happens where there is none."""
        place = self._place(session_id)
        if place is not None:
            shutil.rmtree(place, ignore_errors=True)

    def remove_expired(self) -> int:
        """Remove sessions that nobody used for long; gives their number."""
        if not self.folder.is_dir():
            return 0
        expired = 0
        for place in self.folder.iterdir():
            if self._place(place.name) is None:
                continue
            session = self._read(place)
            if (_left_since(place) + self.expiry if session is None else session.last_access_ts + session.expiry) < time.time():
                shutil.rmtree(place, ignore_errors=True)
                expired += 1
        return expired

    def _place(self, session_id: str) -> Path | None:
        try:
            name = uuid.UUID(session_id).hex
        except ValueError:
            return None
        place = self.folder / name
        return place if place.is_dir() and not place.is_symlink() else None

    def _read(self, place: Path) -> SessionInfo | None:
        try:
            content = json.loads((place / _META).read_text(encoding="utf-8"))
            image = place / Path(content["image"]).name
            created, used, expiry = (int(content[name]) for name in ("created", "used", "expiry"))
        except (OSError, ValueError, KeyError, TypeError):
            logger.warning("A folder among the sessions is none; it is left alone.")
            return None
        if not image.exists():
            return None
        session = SessionInfo()
        session.name, session.path, session.image, session.meta = place.name, str(place), str(image), {}
        session.create_ts, session.last_access_ts, session.expiry = created, used, expiry
        return session
