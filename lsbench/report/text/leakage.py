"""A leakage test in words, Markdown and JSON."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING

from lsbench.system import strict_json

if TYPE_CHECKING:
    from lsbench.auditing.leakage import Leakage


def to_text(leakage: Leakage) -> str:
    """The findings, clip by clip, and what they mean."""
    from lsbench.auditing.leakage import COPIES, FOLLOWS, MAX_LAG, PARTLY

    lines = [f"{'clip':<24} {'survives':>8} {'lag':>4} {'own':>6} {'swapped':>8} {'silent':>7} {'listens':>8}"]
    for clip in leakage.clips:
        own, swapped, silent = (_number(clip.aperture.get(sound, math.nan)) for sound in ("own", "swapped", "silent"))
        lines.append(
            f"{clip.clip_id:<24} {clip.survival:>8.2f} {clip.lag_frames:>4} {own:>6} {swapped:>8} {silent:>7} "
            f"{_number(clip.listens):>8}"
        )
    lines += [
        "",
        "survives: share of the shown mouth that is found in the output, `lag` frames later.",
        "own, swapped, silent: correlation of its lips with the shown lips under that sound.",
        "listens: how much the mouth changes with the sound, over the motion of the real mouth.",
        f"Verdict by medians: copies from {COPIES:g}, partly from {PARTLY:g} surviving or {FOLLOWS:g} correlation.",
        f"The protocol's identity rule {leakage.identity} shows {leakage.shown:.2f} of the true lips' motion "
        f"(correlation at the best lag within {MAX_LAG} frames).",
        "",
        f"{leakage.generator}: {leakage.verdict}",
    ]
    if leakage.listens < 0.05:
        lines[-1] += "; it does not listen to the sound"
    return "\n".join(lines)


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def to_json(leakage: Leakage) -> str:
    """Everything that the test says, every clip too."""
    content = {
        "generator": leakage.generator,
        "verdict": leakage.verdict,
        "survival": leakage.survival,
        "listens": leakage.listens,
        "identity": leakage.identity,
        "shown": leakage.shown,
        "clips": [asdict(clip) for clip in leakage.clips],
    }
    return strict_json.text(strict_json.encode(content))
