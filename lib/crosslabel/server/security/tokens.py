"""Tokens: shown once, kept as salted hashes in one file that several processes may change."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from crosslabel.errors import CrossLabelError, NotFoundError
from crosslabel.files import write_json
from crosslabel.server.security.roles import Role

logger = logging.getLogger(__name__)

_TOKEN_BYTES = 32
_SALT_BYTES = 16
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._@-]{0,63}")
_LOCK_SECONDS = 10.0


class TokenError(CrossLabelError):
    """A token cannot be added, or the file of the tokens is damaged."""

    status = 409


class TokenRecord(BaseModel):
    """What is kept of a token: enough to know it again, not enough to write it down.

    Attributes:
        name: of who uses it; it stands in the audit log.
        role: what it may do.
        created: day and time, UTC.
        revoked: day and time, UTC; ``None`` while it is valid.
        last_used: day, UTC; ``None`` before the first use.
        salt: hexadecimal.
        digest: SHA-256 of salt and token. A slow hash is for passwords: 256 random bits cannot be tried out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    role: Role
    created: str
    revoked: str | None = None
    last_used: str | None = None
    salt: str
    digest: str

    def matches(self, token: str) -> bool:
        """Whether this is the record of a token, in a time that does not depend on the token."""
        return hmac.compare_digest(_digest(token, self.salt), self.digest)


class _Content(BaseModel):
    tokens: list[TokenRecord] = []


class TokenStore:
    """The tokens of one server.

    Args:
        folder: holds ``tokens.json``, which only its owner may read.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "tokens.json"
        self._known: tuple[tuple[int, int, int], list[TokenRecord]] | None = None

    def add(self, name: str, role: Role) -> str:
        """A new token, which cannot be shown again.

        Raises:
            TokenError: the name is no plain name, or was given before.
        """
        if not _NAME.fullmatch(name):
            raise TokenError(f"A token's name holds up to 64 letters, digits, spaces and ._@-; {name!r} does not fit.")
        token, salt = secrets.token_urlsafe(_TOKEN_BYTES), secrets.token_hex(_SALT_BYTES)
        record = TokenRecord(name=name, role=role, created=_now(), salt=salt, digest=_digest(token, salt))
        with self._changing() as records:
            if any(known.name == name for known in records):
                raise TokenError(f"There is or was a token for '{name}'; the audit log tells names apart, so give another.")
            records.append(record)
        return token

    def revoke(self, name: str) -> None:
        """From now on the token opens nothing; its name stays for the audit log.

        Raises:
            NotFoundError: no valid token has this name.
        """
        with self._changing() as records:
            index = next((index for index, known in enumerate(records) if known.name == name and not known.revoked), None)
            if index is None:
                raise NotFoundError(f"There is no valid token for '{name}'; 'crosslabel token list' shows the names.")
            records[index] = records[index].model_copy(update={"revoked": _now()})

    def all(self) -> list[TokenRecord]:
        """Every token, oldest first.

        Raises:
            TokenError: the file is damaged.
        """
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return []
        signature = (found.st_mtime_ns, found.st_ino, found.st_size)
        if self._known is None or self._known[0] != signature:
            self._known = (signature, self._read())
        return list(self._known[1])

    def valid(self) -> list[TokenRecord]:
        """The tokens that are not revoked."""
        return [record for record in self.all() if record.revoked is None]

    def verify(self, token: str) -> TokenRecord | None:
        """The record of a valid token; every record is compared, so that the time says nothing of which."""
        matching = [record for record in self.valid() if record.matches(token)]
        if not matching:
            return None
        today = _now()[:10]
        if matching[0].last_used != today:
            self._note_use(matching[0].name, today)
        return matching[0]

    def _note_use(self, name: str, day: str) -> None:
        try:
            with self._changing() as records:
                for index, record in enumerate(records):
                    if record.name == name:
                        records[index] = record.model_copy(update={"last_used": day})
        except (OSError, Timeout):
            # A full disk must not keep people out.
            logger.warning("The day on which a token was used could not be noted.", exc_info=True)

    @contextmanager
    def _changing(self) -> Iterator[list[TokenRecord]]:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(self.path.with_suffix(".lock"), timeout=_LOCK_SECONDS):
            records = self._read() if self.path.exists() else []
            yield records
            write_json(self.path, _Content(tokens=records).model_dump(mode="json"), mode=0o600)

    def _read(self) -> list[TokenRecord]:
        try:
            return _Content.model_validate_json(self.path.read_bytes()).tokens
        except ValidationError as error:
            raise TokenError(f"{self.path} is damaged; restore it, or move it away and add the tokens anew.") from error


def _digest(token: str, salt: str) -> str:
    return hashlib.sha256(bytes.fromhex(salt) + token.encode("utf-8", "surrogateescape")).hexdigest()


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
