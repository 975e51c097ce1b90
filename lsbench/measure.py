"""One clip of a run: decoded, aligned, measured by every metric, and kept in the run folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lsbench.align import align
from lsbench.clip import ClipPair
from lsbench.face import FaceTracker, reference_track
from lsbench.media import Sound, read_clip
from lsbench.metric import Metric
from lsbench.protocol import Protocol, Reference
from lsbench.results import Partial, RunFolder


@dataclass(frozen=True)
class Settings:
    """What a worker needs to know beside the clip: pickled to other processes."""

    run: Path
    protocol: Protocol
    metrics: tuple[Metric, ...]
    tracker: FaceTracker | None
    weights: Mapping[str, Path]
    sound: Sound
    device: str


@dataclass(frozen=True)
class Job:
    """One clip to score."""

    reference: Reference
    generated: Path
    generated_sha256: str


def measure_clip(settings: Settings, job: Job) -> None:
    """Decode, align and measure one clip, and keep the outcome in the run folder."""
    clip_id, rules = job.reference.id, settings.protocol
    reference = read_clip(
        job.reference.file, clip_id, sample_rate=rules.sample_rate, sound=settings.sound, folder_fps=rules.fps or 25.0
    )
    generated = read_clip(
        job.generated, clip_id, sample_rate=rules.sample_rate, sound=settings.sound, folder_fps=reference.fps
    )
    found = align(reference, generated, rules.align, rules.fps, rules.frames)
    boxed = any(metric.needs_track for metric in settings.metrics)
    cut = found.start, found.stop
    late = found.start + found.lag_frames, found.stop + found.lag_frames
    pair = ClipPair(
        reference=reference.cut(*cut),
        generated=generated.cut(*late),
        track=reference_track(reference, job.reference.digest, job.reference.landmarks, settings.tracker)
        if boxed
        else None,
        first_frame=found.start,
        device=settings.device,
        weights=settings.weights,
        reference_sha256=job.reference.digest,
    )
    if settings.tracker and any(metric.needs_landmarks for metric in settings.metrics):
        tracked = (
            settings.tracker.measure_cached(reference, job.reference.digest).cut(*cut),
            settings.tracker.measure_cached(generated, job.generated_sha256).cut(*late),
        )
        pair = replace(pair, landmarks=tracked)
    partial = Partial(
        clip_id=clip_id,
        generated_sha256=job.generated_sha256,
        reference_sha256=job.reference.digest,
        frames=len(pair),
        reference_frames=len(reference),
        lag_frames=found.lag_frames,
        stats={metric.key: metric.measure(pair) for metric in settings.metrics},
    )
    RunFolder(settings.run).write_partial(partial)
