"""Bodies of several parts: files on their way to the server, and answers that hold JSON beside a file."""

from __future__ import annotations

import io
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from CrossLabelLib.client.errors import ServerError
from CrossLabelLib.client.job import Job

_NAME = re.compile(r'(?<![a-z])name="?([^";]+)"?', re.IGNORECASE)
_FILE_NAME = re.compile(r'filename="?([^";]+)"?', re.IGNORECASE)


class Upload:
    """A form with one file, read while it is sent so that no file has to fit into memory.

    Args:
        fields: the form's other fields.
        name: of the file's field.
        path: the file.
        job: told how many bytes are sent, and asked whether to go on.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, fields: Mapping[str, str], name: str, path: Path, job: Job) -> None:
        boundary = uuid.uuid4().hex
        self.content_type = f"multipart/form-data; boundary={boundary}"
        head = b"".join(_part(boundary, f'name="{field}"', "text/plain") + _encoded(value) for field, value in fields.items())
        # Quotes and line breaks would end the header; the server names files itself.
        file_name = re.sub(r'[\r\n"\\]', "_", path.name)
        head += _part(boundary, f'name="{name}"; filename="{file_name}"', "application/octet-stream")
        tail = f"\r\n--{boundary}--\r\n".encode()
        self._job = job
        self._parts: list[BinaryIO] = [io.BytesIO(head), path.open("rb"), io.BytesIO(tail)]
        self._total = len(head) + path.stat().st_size + len(tail)
        self._sent = 0

    def __len__(self) -> int:
        """Bytes that are left to be sent, as http.client and requests understand it."""
        return self._total - self._sent

    def read(self, size: int = -1) -> bytes:
        self._job.check()
        content = b""
        while self._parts and not content:
            content = self._parts[0].read(size)
            if not content:
                self._parts.pop(0).close()
        self._sent += len(content)
        self._job.report(self._sent, self._total)
        return content

    def close(self) -> None:
        for part in self._parts:
            part.close()


def _part(boundary: str, disposition: str, content_type: str) -> bytes:
    return f"--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\nContent-Type: {content_type}\r\n\r\n".encode()


def _encoded(value: str) -> bytes:
    return value.encode() + b"\r\n"


@dataclass(frozen=True)
class Answered:
    """What an answer of several parts holds.

    Attributes:
        params: its JSON.
        file: content of its file; None where it has none.
        suffix: of the file's name, such as ``.nii.gz``.
    """

    params: dict[str, Any]
    file: bytes | None = None
    suffix: str = ""


def parse(content: bytes, content_type: str) -> Answered:
    """The JSON part ``params`` and the file of an answer.

    Raises:
        ServerError: the content is not that.
    """
    match = re.search(r'boundary="?([^";]+)"?', content_type)
    if match is None:
        raise _broken("its parts have no boundary")
    delimiter = b"--" + match.group(1).encode()
    if not content.rstrip().endswith(delimiter + b"--"):
        raise _broken("it ends too early")
    params: dict[str, Any] | None = None
    file, suffix = None, ""
    for part in content.split(delimiter)[1:-1]:
        header, _, body = part.partition(b"\r\n\r\n")
        text = header.decode("utf-8", "replace")
        name, file_name = _NAME.search(text), _FILE_NAME.search(text)
        body = body[:-2]  # the line break before the next delimiter
        if name is not None and name.group(1) == "params":
            params = _object(body)
        elif file_name is not None:
            file, suffix = body, suffix_of(file_name.group(1))
    if params is None:
        raise _broken("the part 'params' is not there")
    return Answered(params, file, suffix)


def suffix_of(name: str) -> str:
    """Suffix of a file's name; ``.nii.gz`` and ``.seg.nrrd`` are one suffix."""
    match = re.search(r"(\.nii|\.seg)?\.[A-Za-z0-9]{1,8}$", name)
    return match.group(0).lower() if match else ""


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError as error:
        raise _broken("the part 'params' is not JSON") from error
    if not isinstance(value, dict):
        raise _broken("the part 'params' is no JSON object")
    return value


def _broken(why: str) -> ServerError:
    return ServerError(f"The server's answer cannot be read: {why}; ask its administrator.", "bad answer")
