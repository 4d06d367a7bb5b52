"""What a person set, kept by Slicer from one start to the next."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Protocol

_PREFIX = "CrossLabel/"
_MOST_SERVERS = 8

DEFAULTS: dict[str, Any] = {
    # Name that is kept with labels where the server asks for no token.
    "person": "",
    # Trust this authority's certificate, a file, instead of the known ones.
    "certificate": "",
    "strategy": "",
    "propose_on_load": True,
    "classify_on_load": True,
    "load_patient_images": False,
    "overlay_opacity": 0.5,
    "overlay_threshold": 0.3,
    "autosave_folder": "",
    "autosave_seconds": 30,
    "refresh_seconds": 3,
    "remember_tokens": False,
    "studies_folder": "",
    "source_folder": "",
}


class Storage(Protocol):
    """Texts by key: ``QSettings`` in Slicer, a dict in tests."""

    def get(self, key: str) -> str | None: ...

    def set(self, key: str, value: str) -> None: ...


class MemoryStorage:
    """Forgets everything at its end."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def get(self, key: str) -> str | None:
        return self._values.get(key)

    def set(self, key: str, value: str) -> None:
        self._values[key] = value


class Settings:
    """Values by the names in :data:`DEFAULTS`, and the servers that were used.

    Args:
        storage: where they are kept. What it holds and cannot be understood counts as never set.
        home: folder for what is kept in files.
    """

    def __init__(self, storage: Storage | None = None, home: Path | None = None) -> None:
        self._storage = storage if storage is not None else MemoryStorage()
        self._home = home or Path.home() / ".crosslabel"

    def get(self, name: str) -> Any:
        """Raises KeyError for a name that is none."""
        default = DEFAULTS[name]
        value = self._read(name)
        numeric = isinstance(default, (int, float)) and not isinstance(default, bool)
        fits = isinstance(value, (int, float)) and not isinstance(value, bool) if numeric else type(value) is type(default)
        return value if fits else default

    def set(self, name: str, value: Any) -> None:
        """Raises KeyError for a name that is none."""
        DEFAULTS[name]
        self._storage.set(_PREFIX + name, json.dumps(value))

    @property
    def autosave_folder(self) -> Path:
        chosen = self.get("autosave_folder")
        return Path(chosen) if chosen else self._home / "autosave"

    @property
    def servers(self) -> list[str]:
        """Addresses that were connected to, the last one first."""
        value = self._read("servers")
        return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []

    def used(self, url: str, token: str) -> None:
        """Put a server first; its token is kept only if the person wants that, for it is kept readable."""
        self._storage.set(_PREFIX + "servers", json.dumps([url, *(old for old in self.servers if old != url)][:_MOST_SERVERS]))
        tokens = {known: kept for known, kept in self._tokens().items() if known in self.servers and known != url}
        if self.get("remember_tokens") and token:
            tokens[url] = token
        self._storage.set(_PREFIX + "tokens", json.dumps(tokens))

    def token(self, url: str) -> str:
        """The token of a server that was used; empty where none is kept."""
        return self._tokens().get(url, "") if self.get("remember_tokens") else ""

    def forget(self, url: str) -> None:
        """Leave a server out of those that were used, with its token."""
        self._storage.set(_PREFIX + "servers", json.dumps([old for old in self.servers if old != url]))
        self._storage.set(_PREFIX + "tokens", json.dumps({old: kept for old, kept in self._tokens().items() if old != url}))

    def _tokens(self) -> dict[str, str]:
        value = self._read("tokens")
        return {str(url): str(token) for url, token in value.items()} if isinstance(value, dict) else {}

    def _read(self, name: str) -> Any:
        text = self._storage.get(_PREFIX + name)
        try:
            return json.loads(text) if text else None
        except (TypeError, ValueError):
            return None
