"""JSON as everybody can read it: without NaN and the infinities, objects on the outside, files whole or not at all."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lsbench.system.cache import write_atomically
from lsbench.system.small_files import MOST_BYTES, read_small
from lsbench.system.visible import in_json

MOST_DEPTH = 32  # of lists and objects in each other
_MOST_DIGITS = 100  # of a whole number, which any float can hold


def encode(value: Any) -> Any:
    """A value as strict JSON can hold it, with all that is in it: NaN is null, the infinities are "inf" and "-inf"."""
    if isinstance(value, Mapping):
        return {name: encode(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def decode(value: float | str | None) -> float:
    """What encode() made of a float."""
    return math.nan if value is None else float(value)


def text(content: Any, indent: int = 2) -> str:
    """Content as a file holds it, or a terminal shows it; ValueError for a float that encode() should have seen.

    Characters that a terminal would obey are escaped.
    """
    return in_json(json.dumps(content, indent=indent, ensure_ascii=False, allow_nan=False)) + "\n"


def parse(document: str | bytes) -> dict[str, Any]:
    """The object that a document is; ValueError, saying why, for anything else.

    Numbers are finite, whole ones have at most 100 digits, texts hold whole characters.
    """
    try:
        content = json.loads(
            document, object_pairs_hook=_object, parse_constant=_refuse, parse_int=_whole, parse_float=_finite
        )
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if not isinstance(content, dict):
        raise ValueError("it is JSON, but no object")
    demand_shallow(content)
    return content


def demand_shallow(content: Any) -> None:
    """ValueError for a value with more than MOST_DEPTH lists and objects in each other, or with half a character."""
    level = [content]
    for _ in range(MOST_DEPTH):
        for each in level:
            if isinstance(each, str):
                _demand_characters(each)
            elif isinstance(each, dict):
                for name in each:
                    _demand_characters(name)
        below = (each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list))
        level = [item for items in below for item in items]
        if not level:
            return
    raise ValueError("it is nested too deep")


def _demand_characters(text: str) -> None:
    try:
        text.isascii() or text.encode()
    except UnicodeEncodeError:
        raise ValueError("a text holds half a character") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a name is there twice")
    return content


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _whole(digits: str) -> int:
    if len(digits.lstrip("-")) > _MOST_DIGITS:
        raise ValueError(f"a whole number has {len(digits.lstrip('-'))} digits")
    return int(digits)


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"the number {digits[:40]} is too large")
    return value


def read(path: Path, most: int = MOST_BYTES) -> dict[str, Any]:
    """The object in a file of at most `most` bytes; OSError where it cannot be read, ValueError where it is none."""
    return parse(read_small(path, most))


def write(path: Path, content: Mapping[str, Any], indent: int = 2) -> None:
    """Write an object; OSError where the disk refuses it, ValueError as text() raises it."""
    document = text(content, indent).encode()
    write_atomically(path, lambda file: file.write(document))


def flat(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The leaves of nested mappings by dotted names: `protocol.digest`."""
    leaves: dict[str, Any] = {}
    for name, value in content.items():
        if isinstance(value, Mapping):
            leaves.update(flat(value, f"{prefix}{name}."))
        else:
            leaves[prefix + name] = value
    return leaves
