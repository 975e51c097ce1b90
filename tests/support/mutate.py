"""Seeded spoilers of files: bytes, JSON, TOML and CSV, each a function (content, random) -> content."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from random import Random
from typing import Any, TypeAlias

Spoiler: TypeAlias = Callable[[bytes, Random], bytes]

EXTREMES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**63 - 1, 2**63, -(2**63), 10**30, 1e308, -1e308, 5e-324, 0.5, -0.0),
    *("", "x", "3", "nan", "inf", "-inf", "\x1b[2J\u202e\x9b", "=1+1", "../../x", "a\nb", "é" * 300, "x" * 100_000),
    *([], {}, [[]], [None], {"x": 1}, [1, 2, 3], [[[[[[[[]]]]]]]]),
)
RAW = ("NaN", "Infinity", "-Infinity", "1e999", "9" * 5000, "[" * 5000, '"\\ud800"', "{", "", "01", "'x'")


def bytes_of(content: bytes, random: Random) -> bytes:
    """A few bits turned, a piece cut out, twice there, zeroed or foreign, or the end gone."""
    spoiled = bytearray(content)
    how = random.choice(("turn", "turn", "cut", "end", "twice", "zero", "foreign", "nothing"))
    start = random.randrange(len(spoiled) + 1)
    stop = min(len(spoiled), start + random.choice((1, 4, 64, 1024)))
    if how == "turn":
        for _ in range(random.choice((1, 3, 20))):
            spoiled[random.randrange(len(spoiled))] ^= 1 << random.randrange(8)
    elif how == "cut":
        del spoiled[start:stop]
    elif how == "end":
        del spoiled[start:]
    elif how == "twice":
        spoiled[start:start] = spoiled[start:stop]
    elif how == "zero":
        spoiled[start:stop] = bytes(stop - start)
    elif how == "foreign":
        spoiled[start:stop] = random.randbytes(stop - start)
    else:
        spoiled.clear()
    return bytes(spoiled)


def json_of(content: bytes, random: Random) -> bytes:
    """A value of another type or size, a key gone, unknown, or twice there; or what is no JSON in a value's place."""
    document = json.loads(content)
    places = list(_places(document))
    holder, key = random.choice(places)
    how = random.choice(("value", "value", "value", "gone", "unknown", "raw", "bytes"))
    if how == "bytes":
        return bytes_of(content, random)
    if how == "gone":
        del holder[key]
    elif how == "unknown" and isinstance(holder, dict):
        holder[random.choice(("", "x", "format ", "\x1b[2J", "__class__"))] = random.choice(EXTREMES)
    elif how == "raw":
        holder[key] = "RAW HERE"
        return json.dumps(document).replace('"RAW HERE"', random.choice(RAW)).encode()
    else:
        holder[key] = random.choice(EXTREMES)
    return json.dumps(document).encode()


def toml_of(content: bytes, random: Random) -> bytes:
    """A value of another type or size, a line gone, twice there or unknown, or brackets without end."""
    lines = content.decode().splitlines()
    values = [place for place, line in enumerate(lines) if re.match(r"\w+ *= ", line)]
    place, how = random.choice(values), random.choice(("value", "value", "value", "gone", "twice", "unknown", "bytes"))
    key = lines[place].partition("=")[0].strip()
    if how == "bytes":
        return bytes_of(content, random)
    if how == "gone":
        del lines[place]
    elif how == "twice":
        lines.insert(place, lines[place])
    else:
        extremes = (
            *("0", "-1", "1e300", "9223372036854775807", "9" * 5000, "nan", "inf", "-inf", "true", '""', "'x'", "[]"),
            *(
                "[" * 5000,
                "[" * 40 + "]" * 40,
                "{}",
                "1979-05-27",
                '"\\u202e\\u001b"',
                '["s1", "s1"]',
                "0x" + "f" * 5000,
            ),
            *('"../x.csv"', '"' + "x" * 100_000 + '"', "[1, 'a']", "'''\n\n'''", "0.5", "1000000000000"),
        )
        lines[place] = f"{key if how == 'value' else 'unheard_of'} = {random.choice(extremes)}"
    return "\n".join(lines).encode()


def csv_of(content: bytes, random: Random) -> bytes:
    """A cell of another kind, one too many or too few, a row gone or twice there, or quotes that do not end."""
    how = random.choice(("cell", "cell", "cell", "more", "fewer", "gone", "twice", "quote", "bytes"))
    if how == "bytes":
        return bytes_of(content, random)
    lines = content.decode().splitlines()
    place = random.randrange(len(lines))
    cells = lines[place].split(",")
    cell = random.randrange(len(cells))
    if how == "cell":
        texts = ("", "x", "-1", "6", "nan", "9" * 5000, "\x00", "\x1b[2J", "=1+1", "é" * 200_000, "../x", '"', "\u202e")
        cells[cell] = random.choice(texts)
    elif how == "more":
        cells.insert(cell, "x")
    elif how == "fewer":
        del cells[cell]
    elif how == "quote":
        cells[cell] = '"' + cells[cell]
    lines[place] = ",".join(cells)
    if how == "gone":
        del lines[place]
    elif how == "twice":
        lines.insert(place, lines[place])
    return "\n".join([*lines, ""]).encode()


def _places(value: Any) -> Any:
    """Every (list or object, index or name) in a document."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(item, dict | list):
            yield from _places(item)
