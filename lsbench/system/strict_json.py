"""Numbers as strict JSON holds them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any


def encode(value: float) -> float | str | None:
    """A float as strict JSON can hold it: NaN is null, the infinities are "inf" and "-inf"."""
    if math.isnan(value):
        return None
    return str(value) if math.isinf(value) else value


def decode(value: float | str | None) -> float:
    """What encode() wrote, as a float."""
    return math.nan if value is None else float(value)


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def flat(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The leaves of nested mappings by dotted names: `protocol.digest`."""
    leaves: dict[str, Any] = {}
    for name, value in content.items():
        if isinstance(value, Mapping):
            leaves.update(flat(value, f"{prefix}{name}."))
        else:
            leaves[prefix + name] = value
    return leaves
