"""Numbers as people read them."""

from __future__ import annotations

import math


def number(value: float) -> str:
    """About four significant figures; `undefined` for NaN."""
    if math.isnan(value):
        return "undefined"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if abs(value) >= 10:
        return f"{value:.2f}"
    return f"{value:.4f}" if abs(value) >= 0.1 or value == 0 else f"{value:.3g}"


def half(value: float, width: float) -> str:
    """Half an interval's width, to as many decimals as number() gives its value."""
    shown = number(value)
    return f"{width:.2g}" if "e" in shown else f"{width:.{len(shown.partition('.')[2])}f}"
