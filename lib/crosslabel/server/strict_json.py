"""JSON from clients: what Python's parser takes beyond the standard would later break answers or files."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from crosslabel.errors import CrossLabelError

MAX_DEPTH = 32
_STRINGS_AND_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)


def parse(text: str, what: str) -> Any:
    """Parse JSON.

    Args:
        text: of the client.
        what: names it in the error.

    Raises:
        CrossLabelError: not JSON (RFC 8259), nested deeper than 32 levels, with numbers that are not finite or characters
            that are none.
    """
    if _depth(text) > MAX_DEPTH:
        raise CrossLabelError(f"{what} is nested deeper than {MAX_DEPTH} levels; flatten it.")
    try:
        content = json.loads(text, parse_constant=_refuse, parse_float=_finite)
        json.dumps(content, ensure_ascii=False).encode("utf-8")
    except ValueError as error:
        reason = f": {error}" if isinstance(error, json.JSONDecodeError) else ""
        raise CrossLabelError(f"{what} is not valid JSON{reason}.") from error
    return content


def _depth(text: str) -> int:
    deepest = level = 0
    for found in _STRINGS_AND_BRACKETS.finditer(text):
        sign = found.group()
        if sign in "[{":
            level += 1
            deepest = max(deepest, level)
        elif sign in "]}":
            level -= 1
    return deepest


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large")
    return number
