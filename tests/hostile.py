"""Requests that no honest client sends, made from the server's own OpenAPI document."""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from urllib3 import encode_multipart_formdata

# What a parameter holds while another one is attacked.
HONEST = {"image": "mr_0", "id": "nothing", "label": "mr_0", "tag": "final", "model": "tiny_segmentation", "strategy": "first"}
TRAVERSALS = (
    "../../../../etc/hostname",
    "..%2f..%2f..%2f..%2fetc%2fhostname",
    "%252e%252e%252fetc%252fhostname",
    "..%c0%af..%c0%afetc%c0%afhostname",
    "..%5c..%5cetc%5chostname",
    "%2fetc%2fhostname",
    "file:%2f%2f%2fetc%2fhostname",
    "a%00.nii.gz",
    "%ff%fe",
    "%f0%9f%92%a9%e2%80%ae",
    "-1e999",
    "'%20OR%201=1--",
    "%7b%7b7*7%7d%7d",
    "%24%7bjndi:ldap:x%7d",
    "x" * 3000,
    "",
)
BODIES: tuple[tuple[str, bytes], ...] = (
    ("application/json", b"null"),
    ("application/json", b"[]"),
    ("application/json", b'"text"'),
    ("application/json", b"-1"),
    ("application/json", b'{"a":' * 5000),
    ("application/json", b'{"task": {"a": [1]}, "model": ["x"], "label_tag": 5, "epochs": "many"}'),
    ("application/json", b'{"task": "../../x", "strategy": "../x", "epochs": 1' + b"0" * 400 + b"}"),
    ("application/json", b'{"epochs": Infinity}'),
    ("application/json; charset=utf-16", "{}".encode("utf-16")),
    ("application/xml", b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><x>&e;</x>'),
    ("application/x-www-form-urlencoded", b"password=%ff&" + b"a=b&" * 2000),
    ("multipart/form-data", b"no boundary"),
    ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\nno name\r\n--x--"),
    ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.nii"\r\n\r\ncut off'),
    ("\x7fnonsense", b"{}"),
)
PARAMS = ("{", "[]", "null", '{"modality": 5}', '{"modality": ["CT"], "sequence": {}}', '{"task": {"a": 1}}', "[" * 3000)


@dataclass(frozen=True)
class Attack:
    """A request as bytes of its address and body."""

    method: str
    target: str
    content_type: str = ""
    body: bytes = field(default=b"", repr=False)


def over_parameters(document: dict[str, Any]) -> Iterator[Attack]:
    """Each parameter of each route with each value that should not be there."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parameters = operation.get("parameters", [])
            for attacked in parameters:
                for value in TRAVERSALS:
                    yield Attack(method.upper(), _target(path, parameters, attacked["name"], value))


def over_bodies(document: dict[str, Any]) -> Iterator[Attack]:
    """Each route that takes a body with each that is wrong."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if "requestBody" in operation:
                target = _target(path, operation.get("parameters", []), "", "")
                for content_type, body in BODIES:
                    yield Attack(method.upper(), target, content_type, body)


def over_files(studies: Path) -> Iterator[Attack]:
    """Each route that takes a file with each file that is not what its name says, and with wrong fields beside a good one."""
    routes = (
        ("POST", "/infer/tiny_segmentation", "file"),
        ("PUT", "/datastore/image?image=hostile", "file"),
        ("PUT", "/datastore/label?image=mr_0&tag=hostile", "label"),
        ("PUT", "/session/", "files"),
    )
    whole = (studies / "mr_0.nii.gz").read_bytes()
    for method, target, name in routes:
        for file_name, content in files(studies):
            yield _upload(method, target, {name: (file_name, content)})
        if name != "files":
            for params in PARAMS:
                yield _upload(method, target, {"params": params, name: ("broken.nii.gz", whole[:200])})


def files(studies: Path) -> list[tuple[str, bytes]]:
    """Names and contents: truncated, disguised, exploding, pointing elsewhere, code."""
    whole = (studies / "mr_0.nii.gz").read_bytes()
    slice_ = next(path for path in (studies / "mr_series").iterdir()).read_bytes()
    picture = (studies / "bright_0.png").read_bytes()
    pickle = b"cos\nsystem\n(S'touch /tmp/crosslabel-was-here'\ntR."
    return [
        ("cut.nii.gz", whole[: len(whole) // 3]),
        ("cut.nii", gzip.decompress(whole)[:400]),
        ("cut.dcm", slice_[: len(slice_) // 2]),
        ("cut.png", picture[:60]),
        ("empty.nrrd", b""),
        ("disguised.nii.gz", picture),
        ("disguised.png", whole),
        ("disguised.mha", slice_),
        ("polyglot.nii.gz", whole + _zip(("evil.py", b"print()"))),
        ("code.nii.gz", pickle),
        ("code.nii", b"\x80\x04" + pickle),
        ("code.json", pickle),
        ("deep.json", b"[" * 100_000),
        ("list.json", b'{"class": ["x"]}'),
        ("bomb.nii.gz", gzip.compress(bytes(352) + bytes(40_000_000))),
        ("large.png", _png(60_000, 60_000)),
        ("zip_bomb.zip", _zip(*[(f"{n}.dcm", bytes(128) + b"DICM" + bytes(100_000 * n)) for n in range(4)])),
        ("nested.zip", _zip(("inner.zip", _zip(("a.dcm", slice_))))),
        ("leaving.zip", _zip(("../../../../tmp/crosslabel-was-here.dcm", slice_[:500]))),
        ("lying.zip", _zip(("a.dcm", slice_))[:-40]),
        (
            "pointing.mha",
            b"ObjectType = Image\nNDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\nElementDataFile = /etc/hostname\n",
        ),
        ("pointing.mhd", b"NDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\nElementDataFile = ../../../../etc/hostname\n"),
        (
            "pointing.nrrd",
            b"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 2 2\nencoding: raw\ndata file: /etc/hostname\n\n",
        ),
        ("huge.nrrd", b"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 99999 99999 99999\nencoding: raw\n\nx"),
        ("negative.nrrd", b"NRRD0004\ntype: uchar\ndimension: 3\nsizes: -1 2 2\nencoding: raw\n\nx"),
        ("../../../../tmp/crosslabel-was-here.nii.gz", whole[:100]),
        ("nul\x00.nii.gz", whole[:100]),
        ("x" * 5000 + ".nii.gz", whole[:100]),
        ("link.exe", b"MZ"),
    ]


def _target(path: str, parameters: list[dict[str, Any]], attacked: str, value: str) -> str:
    query = []
    for parameter in parameters:
        name = parameter["name"]
        held = value if name == attacked else quote(HONEST.get(name, ""))
        if parameter["in"] == "path":
            path = path.replace(f"{{{name}}}", held)
        elif name == attacked or name in HONEST:
            query.append(f"{name}={held}")
    return path + ("?" + "&".join(query) if query else "")


def _upload(method: str, target: str, fields: dict[str, Any]) -> Attack:
    body, content_type = encode_multipart_formdata(fields)
    return Attack(method, target, content_type, body)


def _zip(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def _png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def described(attack: Attack) -> str:
    """A short text for a failing test."""
    return json.dumps([attack.method, attack.target[:200], attack.content_type[:60], len(attack.body)])
