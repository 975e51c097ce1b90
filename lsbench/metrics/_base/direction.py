"""Which way a score is better: up, down, or towards 0, and how that is written."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal

Better = Literal["higher", "lower", "zero"]
ARROWS = {"higher": "↑", "lower": "↓", "zero": "→0"}


def oriented(values: Any, better: str) -> Any:
    """A score, or an array of it, so that more is better; distance from 0 counts for `zero`."""
    if better == "zero":
        return -abs(values)
    return values if better == "higher" else -values


def arrow(better: str) -> str:
    """The direction as a sign."""
    return ARROWS[better]


def common_direction(directions: Collection[str]) -> str:
    """The direction of what several runs say; `zero` where one says so, for older runs called that `lower`."""
    return next((better for better in ("zero", "lower") if better in directions), "higher")
