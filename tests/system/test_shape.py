"""The strict reader of our own files: what is of a kind comes through, all else is named by its key."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest

from lsbench.system import shape, strict_json, strict_toml
from lsbench.system.small_files import read_small


@dataclass(frozen=True)
class Part:
    id: Annotated[str, shape.name]
    share: float


@dataclass(frozen=True)
class Whole:
    parts: tuple[Part, ...]
    counts: Mapping[str, int]
    exact: bool
    note: str | None = None


GOOD: dict[str, Any] = {"parts": [{"id": "a", "share": None}], "counts": {"x": 3}, "exact": True}


def test_a_dataclass_is_read_by_its_types() -> None:
    read = shape.of(Whole)(GOOD, "")
    assert (read.counts, read.exact, read.note, read.parts[0].id) == ({"x": 3}, True, None, "a")
    assert math.isnan(read.parts[0].share)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"parts": {}}, "parts is {}; expected a list"),
        ({"parts": [{"id": "", "share": 1}]}, "parts[0].id is ''; expected text"),
        ({"parts": [{"id": "a", "share": "3"}]}, "parts[0].share is '3'; expected a number"),
        ({"parts": [{"id": "a", "share": True}]}, "parts[0].share is True; expected a number"),
        ({"parts": [{"id": "a"}]}, "parts[0] lacks share"),
        ({"parts": [{"id": "a", "share": 1, "size": 2}]}, "parts[0] has unknown size"),
        ({"counts": {"x": True}}, "counts.x is True; expected a whole number from 0"),
        ({"counts": {"x": -1}}, "counts.x is -1"),
        ({"counts": {"x": 1.0}}, "counts.x is 1.0"),
        ({"counts": {"x": 10**5000}}, "counts.x is a number of about 5000 digits"),
        ({"counts": []}, "counts is []; expected a table"),
        ({"exact": 1}, "exact is 1; expected true or false"),
        ({"exact": None}, "exact is None"),
        ({"note": ["x" * 10_000] * 100}, "note is ['xxxx"),
        ({"more": 1}, "the document has unknown more"),
    ],
)
def test_what_is_of_another_kind_is_named_by_its_key(change: dict[str, Any], says: str) -> None:
    with pytest.raises(shape.Misfit, match=re.escape(says)) as caught:
        shape.of(Whole)(GOOD | change, "")
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (shape.whole(1, 5), [1, 5], [0, 6, True, 1.0, "1", None, 2**70]),
        (shape.number(0, 1), [0, 1, 0.5], [-0.1, 1.1, math.nan, math.inf, False, "0"]),
        (shape.number(0, above=True), [1e-300, 3], [0, -1, math.inf, 10**400]),
        (shape.encoded, [1, 0.5, None, "inf", "-inf"], ["nan", "3", True, [], 10**100]),
        (shape.choice(1, "a"), [1, "a"], [True, 1.0, "b", None]),
        (shape.pattern(shape.SHA256), ["0" * 64], ["0" * 63, "0" * 64 + "\n", 0]),
        (shape.series(shape.text, shape.flag), [["a", True]], [["a"], ["a", 1], "ab"]),
        (shape.maybe(shape.text), [None, ""], [0, False]),
    ],
)
def test_kinds_take_what_is_theirs_and_nothing_else(kind: shape.Kind, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        kind(value, "key")
    for value in bad:
        with pytest.raises(shape.Misfit, match=r"^key"):
            kind(value, "key")


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ('{"a": 1e999}', "too large"),
        ('{"a": ' + "9" * 5000 + "}", "5000 digits"),
        ('{"a": "\\ud800"}', "half a character"),
        ('{"\\udfff": 1}', "half a character"),
        ('{"a": ' + "[" * 40 + "]" * 40 + "}", "nested too deep"),
    ],
)
def test_json_that_only_json_could_like_is_refused(document: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        strict_json.parse(document)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("a = " + "[" * 5000 + "]" * 5000, "nested too deep"),
        ("a = " + "[" * 40 + "]" * 40, "nested too deep"),
        ("a = " + "9" * 5000, "64 bits"),
        ("a = 0x" + "f" * 5000, "64 bits"),
        (f"a = {2**63}", "64 bits"),
        ("a = 1\na = 2", "overwrite"),
        ('a = "' + "x" * (1 << 20) + '"', "larger than 1 MB"),
    ],
)
def test_toml_that_only_toml_could_like_is_refused(tmp_path: Path, document: str, reason: str) -> None:
    (tmp_path / "a.toml").write_text(document)
    with pytest.raises(ValueError, match=reason):
        strict_toml.read(tmp_path / "a.toml")


def test_what_is_no_small_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("fifo", "zero"):
        with pytest.raises(OSError, match="not a file"):
            read_small(tmp_path / name)
    with pytest.raises(IsADirectoryError, match="directory"):
        read_small(tmp_path)
    (tmp_path / "large").write_bytes(bytes(1025))
    with pytest.raises(ValueError, match="larger"):
        read_small(tmp_path / "large", 1024)
    assert read_small(tmp_path / "large", 1025) == bytes(1025)
