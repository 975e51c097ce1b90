"""An audit as a page that opens from disk: the heat map, the words, and every response curve with its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lsbench import __version__
from lsbench.auditing.artifacts.artifact import GROUPS
from lsbench.auditing.findings import GRADES, Audit
from lsbench.auditing.response import Response
from lsbench.report.audit.text import reliability
from lsbench.report.audit.words import conditions, found_from, not_measured, paragraph
from lsbench.report.page.render import render, source
from lsbench.run.shown import number

MARK = '<meta name="generator" content="lsbench audit">'
WIDTH, HEIGHT, MARGIN = 160, 60, 4  # of a curve, px


def write_page(audit: Audit, path: Path, back: str = "") -> Path:
    """Write the page and return its path. back: a page to link to, below the same folder."""
    words = paragraph(audit)
    render(
        path,
        "audit.html",
        mark=MARK,
        style=source("theme.css") + source("style.css"),
        script="",
        version=__version__,
        protocol=audit.protocol,
        clips=len(audit.clips),
        units=audit.units,
        step=audit.step,
        lede=words[0],
        words=words[1:],
        recommended=audit.recommended,
        conditions=conditions(audit),
        keys=audit.keys,
        groups=_groups(audit),
        reliability=reliability(audit),
        unavailable=not_measured(audit),
        back=back,
    )
    return path


def _groups(audit: Audit) -> list[dict[str, Any]]:
    """The artifacts by group, each with a cell and a curve for every score."""
    groups = []
    for group, where in GROUPS.items():
        rows = [
            {
                "name": each.name,
                "what": each.what,
                "unit": each.unit,
                "at": each.said(audit.strength(each.name)),
                "harmless": each not in audit.faults,
                "cells": [_cell(audit, each.name, key) for key in audit.keys],
            }
            for each in audit.artifacts
            if each.group == group
        ]
        if rows:
            groups.append({"name": where, "rows": rows})
    return groups


def _cell(audit: Audit, artifact: str, key: str) -> dict[str, Any]:
    response = audit.responses[artifact, key]
    step = audit.place(artifact)
    area, graded = response.auc[step], audit.grade(artifact, key)
    low, high = response.auc_low[step], response.auc_high[step]
    louder = response.louder[step]
    limits = "" if math.isnan(low) else f", 95 % {low:.2f} to {high:.2f}"
    return {
        "key": key,
        "grade": graded,
        "mark": GRADES[graded],
        "auc": f"{area:.2f}",
        "heat": f"{100 * min(1.0, 2 * abs(area - 0.5)):.0f}%",
        "sign": "with" if area >= 0.5 else "against",
        "says": f"{artifact}, {key}: AUC {area:.2f}{limits}, {graded}; against one more encoding {louder:.2f}",
        "detected": found_from(audit, artifact, key),
        "ordered": f"{response.ordered:.2f}",
        "ends": [number(response.values[0]), number(response.values[-1])],
        "better": audit.better[key],
        "curve": _curve(response),
    }


def _curve(response: Response) -> dict[str, str] | None:
    """A line and its band as SVG points, no band where an interval is not known; None where a value is not finite."""
    ends = [*response.low, *response.high]
    if not all(map(math.isfinite, response.values)) or any(map(math.isinf, ends)) or len(response.values) < 2:
        return None
    finite = [value for value in (*response.values, *ends) if not math.isnan(value)]
    bottom, top = min(finite), max(finite)
    steps = len(response.values) - 1

    def points(values: Sequence[float], order: int = 1) -> str:
        placed = []
        for step, value in list(enumerate(values))[::order]:
            x = MARGIN + (WIDTH - 2 * MARGIN) * step / steps
            share = (value - bottom) / (top - bottom) if top > bottom else 0.5
            placed.append(f"{x:.1f},{HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * share:.1f}")
        return " ".join(placed)

    band = "" if any(map(math.isnan, ends)) else f"{points(response.high)} {points(response.low, -1)}"
    return {"line": points(response.values), "band": band}
