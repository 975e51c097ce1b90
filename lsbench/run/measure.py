"""One clip of a run: decoded, aligned, measured by every metric, and kept in the run folder."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lsbench.errors import LsbenchError, MetricError, in_one_line
from lsbench.face.track import FaceTrack
from lsbench.generation.render import render_clip
from lsbench.generation.studio import Order, Studio
from lsbench.media.clip import Clip
from lsbench.media.files import content_sha256, read_clip
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.score_key import OWN
from lsbench.metrics._base.stats import Stats
from lsbench.protocol.align import align, demand_length
from lsbench.protocol.context import Context
from lsbench.protocol.manifest import Reference
from lsbench.run.folder import Run
from lsbench.run.learn import Models
from lsbench.run.result import Partial


@dataclass(frozen=True)
class Scoring:
    """What a worker needs to know beside the clip: pickled to other processes.

    Attributes:
        run: folder of the run, for the finished clips.
        context: how reference clips are read. Its sound says whether generated videos must have some.
        metrics: that are measured.
    """

    run: Path
    context: Context
    metrics: tuple[Metric, ...]


@dataclass(frozen=True)
class Job:
    """One clip to score.

    driving: the clip whose sound drove the generated video, where the protocol says so; driver: the one whose sound
    drives a generator that has yet to make it. models: what metrics learned from other speakers.
    """

    reference: Reference
    generated: Path
    generated_sha256: str
    driving: Reference | None = None
    driver: Reference | None = None
    models: Models = field(default_factory=dict)


def measure_clip(scoring: Scoring, job: Job) -> None:
    """Decode, align and measure one clip, and keep the outcome in the run folder."""
    context, rules = scoring.context, scoring.context.rules
    reference = context.read(job.reference, "optional" if rules.task == "dubbing" else None)
    rates: dict[str, Any] = {"sample_rate": rules.sample_rate, "folder_fps": reference.fps}
    generated = read_clip(job.generated, job.reference.id, sound=context.sound, **rates)
    pair, lag_frames = (_dubbed if rules.task == "dubbing" else _aligned)(scoring, job, reference, generated)
    partial = Partial(
        clip_id=job.reference.id,
        generated_sha256=job.generated_sha256,
        reference_sha256=job.reference.digest,
        frames=len(pair),
        reference_frames=len(reference),
        lag_frames=lag_frames,
        stats={metric.key: _measured(metric, pair) for metric in scoring.metrics},
    )
    Run(scoring.run).write_partial(partial)


def _measured(metric: Metric, pair: ClipPair) -> Stats:
    """The statistics of a metric; MetricError where a user's own fails, in whatever way."""
    try:
        return metric.measure(pair)
    except LsbenchError:
        raise
    except Exception as failure:
        if not metric.filed_as.startswith(OWN):
            raise
        said = in_one_line(failure)
        raise MetricError(f"clip {pair.reference.id}: metric {metric.filed_as} fails: {said}") from failure


def make_and_measure(studio: Studio, scoring: Scoring, job: Job) -> None:
    """Have a generator make the video of one clip, unless it is there, and measure it."""
    render_clip(studio, Order(job.reference, job.driver or job.reference))
    measure_clip(scoring, replace(job, generated_sha256=content_sha256(job.generated)))


def _aligned(scoring: Scoring, job: Job, reference: Clip, generated: Clip) -> tuple[ClipPair, int]:
    """The pair where the reference is the truth, and how many frames late generated is."""
    rules = scoring.context.rules
    overlap = align(reference, generated, rules.align, rules.fps, rules.frames)
    if not len(generated.speech):
        generated = replace(generated, speech=reference.speech)
    cut = overlap.start, overlap.stop
    late = overlap.start + overlap.lag_frames, overlap.stop + overlap.lag_frames
    landmarks = _landmarks(scoring, job, reference, generated)
    boxed = any(metric.needs_track for metric in scoring.metrics)
    pair = ClipPair(
        reference=reference.cut(*cut),
        generated=generated.cut(*late),
        track=scoring.context.track(job.reference, reference) if boxed else None,
        first_frame=overlap.start,
        landmarks=(landmarks[0].cut(*cut), landmarks[1].cut(*late)) if landmarks else None,
        **_means(scoring, job),
    )
    return pair, overlap.lag_frames


def _dubbed(scoring: Scoring, job: Job, reference: Clip, generated: Clip) -> tuple[ClipPair, int]:
    """The pair where there is no truth: the reference lends the face, the sound is another clip's."""
    if job.driving:
        driving = scoring.context.read(job.driving, "required")
        demand_length(generated, driving, scoring.context.rules.align)
        if not len(generated.speech):
            generated = replace(generated, speech=driving.speech)
    landmarks = _landmarks(scoring, job, reference, generated)
    return ClipPair(reference, generated, landmarks=landmarks, **_means(scoring, job)), 0


def _means(scoring: Scoring, job: Job) -> dict[str, Any]:
    """The fields of a pair that say by what means it is measured."""
    return {
        "device": scoring.context.device,
        "weights": scoring.context.weights,
        "reference_sha256": scoring.context.content(job.reference),
        "models": job.models,
    }


def _landmarks(scoring: Scoring, job: Job, reference: Clip, generated: Clip) -> tuple[FaceTrack, FaceTrack] | None:
    """The faces of both clips by one tracker, where a metric needs them."""
    tracker = scoring.context.tracker
    dubbed = scoring.context.rules.task == "dubbing"  # then no reference lends its boxes: the video's own face does
    if not tracker or not any(m.needs_landmarks or (dubbed and m.needs_track) for m in scoring.metrics):
        return None
    return (
        tracker.measure_cached(reference, scoring.context.content(job.reference)),
        tracker.measure_cached(generated, job.generated_sha256),
    )
