"""JSON files: what is written is read again, and what is no object is refused with the reason."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from lsbench.system import strict_json


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path, content = tmp_path / "a.json", {"name": "Zoë", "values": [1, 2.5, None], "nested": {"a": True}}
    strict_json.write(path, content)
    assert strict_json.read(path) == content
    assert path.read_bytes() == strict_json.text(content).encode()
    assert "Zoë" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_undefined_numbers_have_to_be_encoded(tmp_path: Path, value: float) -> None:
    path = tmp_path / "a.json"
    with pytest.raises(ValueError, match="not JSON compliant"):
        strict_json.write(path, {"value": value})
    assert not path.exists()
    strict_json.write(path, {"value": strict_json.encode(value)})
    assert strict_json.decode(strict_json.read(path)["value"]) == pytest.approx(value, nan_ok=True)


def test_everything_in_a_value_is_encoded() -> None:
    value = {"a": (1.5, math.nan), "b": [{"c": -math.inf}], "d": "nan", "e": 3, "f": True, "g": None}
    assert strict_json.encode(value) == {
        "a": [1.5, None],
        "b": [{"c": "-inf"}],
        "d": "nan",
        "e": 3,
        "f": True,
        "g": None,
    }


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"", "Expecting value"),
        (b'{"a": 1', "Expecting"),
        (b"\xff\xfe\xfd", "decode"),
        (b"[1, 2]", "no object"),
        (b'{"a": NaN}', "NaN is no JSON"),
        (b'{"a": [-Infinity]}', "-Infinity is no JSON"),
        (b'{"a": 1, "a": 2}', "there twice"),
        (b'{"a": {"b": 1, "b": 2}}', "there twice"),
        (b'{"a": ' * 100_000, "nested too deep"),
    ],
)
def test_what_is_no_object_is_refused(tmp_path: Path, document: bytes, reason: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(document)
    with pytest.raises(ValueError, match=reason):
        strict_json.read(path)


def test_a_file_that_is_missing_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        strict_json.read(tmp_path / "a.json")
