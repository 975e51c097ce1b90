"""Which way a score is better: up, down, towards 0, or none, and how that is written."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any, Literal

Better = Literal["higher", "lower", "zero", "none"]
ARROWS = {"higher": "↑", "lower": "↓", "zero": "→0", "none": ""}


def oriented(values: Any, better: str) -> Any:
    """A score, or an array of it, so that more is better; distance from 0 counts for `zero`, and `none` is NaN."""
    if better == "none":
        return values * math.nan
    if better == "zero":
        return -abs(values)
    return values if better == "higher" else -values


def in_words(better: str) -> str:
    """The direction in words."""
    return {"zero": "nearer to zero is better", "none": "no direction"}.get(better, f"{better} is better")


def arrow(better: str) -> str:
    """The direction as a sign."""
    return ARROWS[better]


def common_direction(directions: Collection[str]) -> str:
    """The direction of what several runs say; `zero` where one says so, for older runs called that `lower`."""
    return next((better for better in ("none", "zero", "lower") if better in directions), "higher")
