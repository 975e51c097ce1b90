"""A leakage test in words, Markdown and JSON."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lsbench.auditing.leakage import Leakage


def _told(found: Leakage) -> str:
    """The findings, clip by clip, and what they mean."""
    from lsbench.auditing.leakage import COPIES, FOLLOWS, MAX_LAG, PARTLY

    lines = [f"{'clip':<24} {'survives':>8} {'lag':>4} {'own':>6} {'swapped':>8} {'silent':>7} {'listens':>8}"]
    for clip in found.clips:
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
        f"The protocol's identity rule {found.identity} shows {found.shown:.2f} of the true lips' motion (correlation "
        f"at the best lag within {MAX_LAG} frames).",
        "",
        f"{found.generator}: {found.verdict}",
    ]
    if found.listens < 0.05:
        lines[-1] += "; it does not listen to the sound"
    return "\n".join(lines)


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _as_json(found: Leakage) -> str:
    def plain(value: float) -> float | None:
        return None if math.isnan(value) else value

    clips = [
        asdict(clip) | {"listens": plain(clip.listens), "aperture": {k: plain(v) for k, v in clip.aperture.items()}}
        for clip in found.clips
    ]
    content = {
        "generator": found.generator,
        "verdict": found.verdict,
        "survival": found.survival,
        "listens": plain(found.listens),
        "identity": found.identity,
        "shown": found.shown,
        "clips": clips,
    }
    return json.dumps(content, indent=2, ensure_ascii=False)
