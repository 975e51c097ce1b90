"""What the pages of single clips are made of: per-frame curves and videos, one small file for every run and clip."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lsbench.metrics._base.metric import Metric
from lsbench.report.page.clip_media import show
from lsbench.run.folder import Run
from lsbench.run.footage import Sources
from lsbench.run.frames import curve
from lsbench.system.cache import write_atomically
from lsbench.system.strict_json import encode

DIGITS = 5  # significant, of per-frame values on the page


@dataclass(frozen=True)
class Job:
    """One clip of one run: what to read, where to write. sources: of its videos; None where none are to be made."""

    run: Path
    clip_id: str
    metrics: tuple[Metric, ...]
    sources: Sources | None
    problems: tuple[str, ...]
    target: Path
    media: Path


@dataclass(frozen=True, eq=False)
class Done:
    """What became of it: the thumbnail's name in media, and the per-frame values by score key, float64 (T,)."""

    thumbnail: str | None
    frames: Mapping[str, np.ndarray]


def write_clip_file(job: Job) -> Done:
    """Write the data of one clip of one run, and make its videos where they are not there."""
    partial = Run(job.run).read_partial(job.clip_id, [metric.key for metric in job.metrics])
    content: dict[str, Any] = {"problems": list(job.problems), "curves": {}}
    frames: dict[str, np.ndarray] = {}
    if partial is None:
        content["problems"].append(f"clip {job.clip_id} is not kept in {job.run}, or without these scores")
    else:
        curves = {metric.key: curve(partial, metric) for metric in job.metrics}
        frames = {key: values for key, values in curves.items() if values is not None}
        content["curves"] = {key: [_short(value) for value in values.tolist()] for key, values in frames.items()}
        content |= {"frames": partial.frames, "lag": partial.lag_frames}
        if job.sources:
            shown = show(job.media, job.sources, partial)
            content["problems"] += shown.pop("problems")
            content |= shown
    write_atomically(job.target, lambda file: file.write(script("lsbench.clip", content)))
    picture = content.get("generated") or content.get("reference")
    return Done(picture["name"] if picture else None, frames)


def script(function: str, content: Any) -> bytes:
    """A script that hands content to a function of the page: a page opened from disk may load no other data."""
    return f"{function}({json.dumps(content, allow_nan=False, separators=(',', ':'))});\n".encode()


def _short(value: float) -> float | str | None:
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else encode(value)
