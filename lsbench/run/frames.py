"""The value of every frame of a finished run, by the scores that have one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lsbench import registry
from lsbench.errors import LsbenchError, RunError
from lsbench.metrics._base import catalogue
from lsbench.metrics._base.metric import Metric

if TYPE_CHECKING:
    from lsbench.run.result import Kept, Partial, Result


def frame_table(result: Result, key: str) -> Any:
    """The value of every frame of a run by one score.

    Args:
        result: A finished run that was kept in a folder.
        key: A score key such as `ssim/mouth`.

    Returns:
        A pandas.DataFrame with the columns clip (its id), frame (int, from 0, of those compared) and value (float64,
        NaN where it is undefined); clips in the order of the manifest.

    Raises:
        RunError: The run has no such score, its metric has no value for single frames or is measured otherwise by
            this version, or a finished clip is not in the run's folder any more.
    """
    import pandas

    metrics = metrics_with_frames(result, [key])
    clips, frames, values = [], [], []
    for clip_id, by_key in frame_values(result, metrics):
        count = len(by_key[key])
        clips += [clip_id] * count
        frames.append(np.arange(count))
        values.append(by_key[key])
    return pandas.DataFrame(
        {
            "clip": pandas.Series(clips, dtype="object"),
            "frame": np.concatenate([np.zeros(0, np.int64), *frames]),
            "value": np.concatenate([np.zeros(0), *values]),
        }
    )


def metrics_with_frames(result: Result, keys: Sequence[str]) -> list[Metric]:
    """The metrics of score keys that each have a value for every frame; RunError for a key that has not, saying why."""
    metrics, refusals = frame_metrics(result)
    by_key = {metric.key: metric for metric in metrics}
    for key in keys:
        if key not in result.scores:
            raise RunError(f"run {result.name}: {registry.unknown('score', key, result.scores)}")
        if key not in by_key:
            possible = ", ".join(by_key) or "none of this run's"
            reason = refusals.get(key, f"it has no value for single frames; scores that have one: {possible}")
            raise RunError(f"run {result.name}: {key}: {reason}")
    return [by_key[key] for key in keys]


def frame_metrics(result: Result) -> tuple[list[Metric], dict[str, str]]:
    """The metrics of a run that have a value for each frame; and by key why others that may have one are left out."""
    metrics: list[Metric] = []
    refusals = {}
    for key, score in result.scores.items():
        try:
            metric = catalogue.metric(key)
        except LsbenchError as error:
            refusals[key] = str(error)
            continue
        if type(metric).per_frame is Metric.per_frame:
            continue
        if metric.signature == score.signature:
            metrics.append(metric)
        else:
            refusals[key] = (
                f"it was measured as {score.signature}, this version measures {metric.signature}; score it again"
            )
    return metrics, refusals


def frame_values(result: Result, metrics: Sequence[Metric]) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Every clip of a run in the order of the manifest, with its float64 (T,) by score key; one clip is held at once.

    Raises RunError where the run was not kept, or a finished clip is gone from its folder.
    """
    if result.kept is None:
        raise RunError(f"run {result.name} was not kept, and with it its frames; pass out=FOLDER to score()")
    run = result.kept
    for clip_id in dict.fromkeys(run.table()["clip_id"]):
        values = clip_frame_values(run, clip_id, metrics)
        if values is None:
            raise RunError(f"run {result.name}: clip {clip_id} is not kept in {run.path}; score it again")
        yield clip_id, values


def clip_frame_values(run: Kept, clip_id: str, metrics: Sequence[Metric]) -> dict[str, np.ndarray] | None:
    """One clip's float64 (T,) by score key; None where the clip, or one of these scores, is not in the folder."""
    partial = run.read_partial(clip_id, [metric.key for metric in metrics])
    if partial is None:
        return None
    values = {metric.key: curve(partial, metric) for metric in metrics}
    return {key: frames for key, frames in values.items() if frames is not None}


def curve(partial: Partial, metric: Metric) -> np.ndarray | None:
    """A metric's value of every frame of a clip, float64 (T,), NaN in those that were left out; None without one."""
    values = metric.per_frame(partial.stats[metric.key])
    if values is None or len(values) == partial.frames or not partial.left_out:
        return values
    shown = np.ones(partial.frames, bool)
    for start, stop in partial.left_out:
        shown[start:stop] = False
    spread = np.full(partial.frames, np.nan)
    spread[shown] = values
    return spread
