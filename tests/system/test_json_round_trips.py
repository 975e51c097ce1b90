"""Strict JSON: whatever is written is read again, with NaN and the infinities."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsbench.system import strict_json

# JSON holds any text but half a surrogate pair, which no file in UTF-8 can.
TEXTS = st.text(st.characters(exclude_categories=("Cs",)))
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS)
VALUES = st.recursive(LEAVES, lambda inner: st.one_of(st.lists(inner), st.dictionaries(TEXTS, inner)), max_leaves=12)
OBJECTS = st.dictionaries(TEXTS, VALUES, max_size=4)


@given(st.floats())
def test_a_float_survives(value: float) -> None:
    document = strict_json.text({"value": strict_json.encode(value)})
    assert json.loads(document, parse_constant=pytest.fail)
    again = strict_json.decode(strict_json.parse(document)["value"])
    assert again == value or (math.isnan(again) and math.isnan(value))
    assert math.isnan(value) or math.copysign(1, again) == math.copysign(1, value)


@pytest.mark.slow
@given(OBJECTS)
def test_an_object_survives(content: dict[str, Any]) -> None:
    assert strict_json.parse(strict_json.text(content)) == content
    assert strict_json.encode(content) == content


@given(st.recursive(st.floats(), lambda inner: st.one_of(st.lists(inner), st.dictionaries(TEXTS, inner)), max_leaves=9))
def test_floats_that_json_has_not_are_refused_unless_encoded(value: Any) -> None:
    assert strict_json.parse(strict_json.text({"value": strict_json.encode(value)}))
    if strict_json.encode(value) != value:
        with pytest.raises(ValueError, match="JSON"):
            strict_json.text({"value": value})


@pytest.mark.slow
def test_a_file_holds_what_was_written(tmp_path: Path) -> None:
    @given(OBJECTS)
    def written(content: dict[str, Any]) -> None:
        strict_json.write(tmp_path / "content.json", content)
        assert strict_json.read(tmp_path / "content.json") == content

    written()
