"""What the pages of single clips are made of: per-frame curves and videos, one small file for every run and clip."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lsbench import registry
from lsbench.errors import FaceError, LsbenchError, WeightsError
from lsbench.face.tracker import FaceTracker
from lsbench.generators.folder import match_folder
from lsbench.leaderboard import Row
from lsbench.media.files import find_clips
from lsbench.metrics._base.metric import Metric
from lsbench.opinions import PREFIX
from lsbench.protocol.protocol import recall
from lsbench.report.clip_media import Sources, show
from lsbench.results import RunFolder
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


def frame_metrics(row: Row) -> tuple[tuple[Metric, ...], tuple[str, ...]]:
    """The metrics of a run that have a value for each frame, and why others that may have one are left out."""
    found, problems = [], []
    for key, score in row.result.scores.items():
        if key.startswith(PREFIX):
            continue  # what people said of whole clips
        try:
            metric = registry.metric(key)
        except LsbenchError as error:
            problems.append(f"no curve of {key}: {error}")
            continue
        if metric.signature != score.signature:
            problems.append(
                f"no curve of {key}: it was measured as {score.signature}, this version measures {metric.signature}"
            )
        elif type(metric).per_frame is not Metric.per_frame:
            found.append(metric)
    return tuple(found), tuple(problems)


class Footage:
    """Where the videos of a run lie. reference: folder of the real clips, where run.json does not say or it moved."""

    def __init__(self, run: RunFolder, ids: Sequence[str], reference: Path | None) -> None:
        request = run.request()
        self.rules = recall(request["protocol"])
        self.generated, self.no_generated = _generated(run.path, str(request.get("generated", "")), ids)
        self.reference, self.no_reference = _references(request, reference)

    def of(self, clip_id: str, tracker: FaceTracker | None) -> Sources:
        """The sources of one clip."""
        reference, generated = self.reference.get(clip_id), self.generated.get(clip_id)
        absent = [] if reference else [self.no_reference]
        absent += [] if generated else [self.no_generated]
        return Sources(reference, generated, tuple(absent), self.rules, tracker)


def tracker() -> FaceTracker | None:
    """The face tracker, where its weights are there: nothing is fetched for a page."""
    from lsbench.networks import weights

    try:
        return FaceTracker(*weights.require("face_landmarker", offline=True))
    except (WeightsError, FaceError):
        return None


def write_clip_file(job: Job) -> Done:
    """Write the data of one clip of one run, and make its videos where they are not there."""
    partial = RunFolder(job.run).read_partial(job.clip_id, [metric.key for metric in job.metrics])
    content: dict[str, Any] = {"problems": list(job.problems), "curves": {}}
    frames: dict[str, np.ndarray] = {}
    if partial is None:
        content["problems"].append(f"clip {job.clip_id} is not kept in {job.run}, or without these scores")
    else:
        frames = {metric.key: metric.per_frame(partial.stats[metric.key]) for metric in job.metrics}
        content["curves"] = {key: [_short(value) for value in values.tolist()] for key, values in frames.items()}
        content |= {"frames": partial.frames, "lag": partial.lag_frames}
        if job.sources:
            shown = show(job.media, job.sources, partial)
            content["problems"] += shown.pop("problems")
            content |= shown
    write_atomically(job.target, lambda file: file.write(script("lsbench.media.clip", content)))
    picture = content.get("generated") or content.get("reference")
    return Done(picture["name"] if picture else None, frames)


def script(function: str, content: Any) -> bytes:
    """A script that hands content to a function of the page: a page opened from disk may load no other data."""
    return f"{function}({json.dumps(content, allow_nan=False, separators=(',', ':'))});\n".encode()


def _short(value: float) -> float | str | None:
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else encode(value)


def _generated(run: Path, asked: str, ids: Sequence[str]) -> tuple[dict[str, Path], str]:
    made = run / "videos"
    folder = made if made.is_dir() else Path(asked)
    if not asked or not folder.is_dir():
        return {}, f"generated video not found: neither {made} nor a folder {asked} is there; was the run moved?"
    try:
        return match_folder(folder, ids).found, f"generated video not found: {folder} has none of this clip"
    except LsbenchError as error:
        return {}, f"generated video not found: {error}"


def _references(request: Mapping[str, Any], asked: Path | None) -> tuple[dict[str, Path], str]:
    if asked is not None:
        return find_clips(asked), f"real video not found: {asked} has none of this clip"
    folder = request.get("reference")
    hint = "pass --reference DIR, the folder of the real clips"
    if not folder:
        return {}, f"real video not found: the run does not say where its clips lie; {hint}"
    if not Path(folder).is_dir():
        return {}, f"real video not found: there is no folder {folder} any more; {hint}"
    try:
        return find_clips(Path(folder)), f"real video not found: {folder} has none of this clip; {hint}"
    except LsbenchError as error:
        return {}, f"real video not found: {error}; {hint}"
