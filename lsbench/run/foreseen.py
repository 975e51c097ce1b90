"""What is refused of a clip by what its files say of themselves, before hours are spent on decoding them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lsbench.errors import LsbenchError
from lsbench.media.streams import Stream, container
from lsbench.metrics._base.metric import Metric
from lsbench.protocol.context import Context
from lsbench.run import windows
from lsbench.run.pairing import Job

USUAL_FPS = 25.0  # where a file does not say
TRUSTED = 1.25  # times as large as it may be: a container's figures are rough, and frames may be left out


def refuse_too_large(metrics: Sequence[Metric], context: Context, job: Job) -> None:
    """Refuse a clip that a metric must see at once, where its containers say that it is far too large for that.

    Nothing is refused where they do not say, or where the compared frames are of another size.

    Raises:
        MetricError: as windows.measured() would, after the clip was decoded.
    """
    rules = context.rules
    if rules.fit in ("pad", "face"):
        return
    generated = _video(job.generated)
    fps = generated.fps if generated and generated.fps else USUAL_FPS
    at_once = [metric for metric in metrics if metric.needs_pictures and metric.reach_frames(fps) is None]
    if not at_once or generated is None:
        return
    reference = generated if rules.task == "alone" else _video(job.reference.file)
    if reference is None:
        return
    frames, size = _compared(generated, reference, context)
    if size > TRUSTED * windows.WHOLE_BYTES:
        windows.demand_fits(at_once, job.reference.id, frames, size)


def _video(source: Path) -> Stream | None:
    """The video stream of a file that says its size and number of pictures; else None."""
    try:
        video = None if source.is_dir() else container(source, str(source)).read("video")
    except LsbenchError:  # is named where it is decoded
        return None
    return video if video and video.frames and video.width and video.height else None


def _compared(generated: Stream, reference: Stream, context: Context) -> tuple[int, int]:
    """How many frames are compared at most, and the bytes of both sides; 0 bytes where that cannot be told."""
    own, real = (_bytes(video) for video in (generated, reference))
    rules, frames = context.rules, generated.frames or 0
    if not rules.has_truth:
        return frames, own * frames + real * (reference.frames or 0)
    if own != real and rules.fit == "strict":
        return 0, 0  # is refused for that
    frames = min(frames, reference.frames or 0, rules.frames or frames)
    if rules.rate == "resample" and generated.fps and reference.fps:
        frames = min(reference.frames or 0, round((generated.frames or 0) * reference.fps / generated.fps))
    return frames, 2 * real * frames


def _bytes(video: Stream) -> int:
    """Of a frame."""
    return 3 * (video.width or 0) * (video.height or 0)
