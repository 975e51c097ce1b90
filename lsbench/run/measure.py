"""One clip of a run: decoded, aligned, measured by every metric, and kept in the run folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from lsbench.face.track import FaceTrack
from lsbench.face.tracker import FaceTracker, reference_track
from lsbench.generation.studio import Order, Studio, render_clip
from lsbench.media.clip import Clip
from lsbench.media.files import Sound, content_sha256, read_clip
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.protocol.align import align, demand_length
from lsbench.protocol.protocol import Protocol, Reference
from lsbench.run.folder import Run
from lsbench.run.learn import Models
from lsbench.run.result import Partial


@dataclass(frozen=True)
class Settings:
    """What a worker needs to know beside the clip: pickled to other processes. protocol: its rules, without clips."""

    run: Path
    protocol: Protocol
    metrics: tuple[Metric, ...]
    tracker: FaceTracker | None
    weights: Mapping[str, Path]
    sound: Sound
    device: str


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


def measure_clip(settings: Settings, job: Job) -> None:
    """Decode, align and measure one clip, and keep the outcome in the run folder."""
    rules = settings.protocol
    reference = _read(settings, job.reference, "optional" if rules.task == "dubbing" else settings.sound)
    generated = read_clip(
        job.generated,
        job.reference.id,
        sample_rate=rules.sample_rate,
        sound=settings.sound,
        folder_fps=reference.fps,
    )
    pair, lag_frames = (_dubbed if rules.task == "dubbing" else _aligned)(settings, job, reference, generated)
    partial = Partial(
        clip_id=job.reference.id,
        generated_sha256=job.generated_sha256,
        reference_sha256=job.reference.digest,
        frames=len(pair),
        reference_frames=len(reference),
        lag_frames=lag_frames,
        stats={metric.key: metric.measure(pair) for metric in settings.metrics},
    )
    Run(settings.run).write_partial(partial)


def make_and_measure(studio: Studio, settings: Settings, job: Job) -> None:
    """Have a generator make the video of one clip, unless it is there, and measure it."""
    render_clip(studio, Order(job.reference, job.driver or job.reference))
    measure_clip(settings, replace(job, generated_sha256=content_sha256(job.generated)))


def _read(settings: Settings, clip: Reference, sound: Sound) -> Clip:
    rules = settings.protocol
    real = read_clip(clip.file, clip.id, sample_rate=rules.sample_rate, sound=sound, folder_fps=rules.fps or 25.0)
    return rules.shown(real)


def _aligned(settings: Settings, job: Job, reference: Clip, generated: Clip) -> tuple[ClipPair, int]:
    """The pair where the reference is the truth, and how many frames late generated is."""
    rules = settings.protocol
    found = align(reference, generated, rules.align, rules.fps, rules.frames)
    if not len(generated.speech):
        generated = replace(generated, speech=reference.speech)
    cut = found.start, found.stop
    late = found.start + found.lag_frames, found.stop + found.lag_frames
    tracked = _landmarks(settings, job, reference, generated)
    boxed = any(metric.needs_track for metric in settings.metrics)
    pair = ClipPair(
        reference=reference.cut(*cut),
        generated=generated.cut(*late),
        track=reference_track(reference, rules.content(job.reference), job.reference.landmarks, settings.tracker)
        if boxed
        else None,
        first_frame=found.start,
        landmarks=(tracked[0].cut(*cut), tracked[1].cut(*late)) if tracked else None,
        device=settings.device,
        weights=settings.weights,
        reference_sha256=settings.protocol.content(job.reference),
        models=job.models,
    )
    return pair, found.lag_frames


def _dubbed(settings: Settings, job: Job, reference: Clip, generated: Clip) -> tuple[ClipPair, int]:
    """The pair where there is no truth: the reference lends the face, the sound is another clip's."""
    if job.driving:
        driving = _read(settings, job.driving, "required")
        demand_length(generated, driving, settings.protocol.align)
        if not len(generated.speech):
            generated = replace(generated, speech=driving.speech)
    pair = ClipPair(
        reference=reference,
        generated=generated,
        landmarks=_landmarks(settings, job, reference, generated),
        device=settings.device,
        weights=settings.weights,
        reference_sha256=settings.protocol.content(job.reference),
        models=job.models,
    )
    return pair, 0


def _landmarks(settings: Settings, job: Job, reference: Clip, generated: Clip) -> tuple[FaceTrack, FaceTrack] | None:
    """The faces of both clips by one tracker, where a metric needs them."""
    tracker = settings.tracker
    dubbed = settings.protocol.task == "dubbing"  # then no reference lends its boxes: the video's own face does
    if not tracker or not any(m.needs_landmarks or (dubbed and m.needs_track) for m in settings.metrics):
        return None
    return (
        tracker.measure_cached(reference, settings.protocol.content(job.reference)),
        tracker.measure_cached(generated, job.generated_sha256),
    )
