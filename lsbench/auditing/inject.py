"""One clip with one artifact: injected into the re-encoded clip in memory, measured at every strength, kept on disk."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lsbench.auditing.artifacts.artifact import Subject
from lsbench.auditing.artifacts.catalogue import artifact
from lsbench.errors import ArtifactError
from lsbench.face.track import POINTS, FaceTrack
from lsbench.face.tracker import FaceTracker
from lsbench.media.clip import Clip
from lsbench.media.recode import recoded
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.protocol.context import Context
from lsbench.protocol.manifest import Reference
from lsbench.run.folder import Run
from lsbench.run.learn import Models
from lsbench.run.result import Partial

CLEAN = "clean"  # in place of an artifact's name: the re-encoded clip as it is


@dataclass(frozen=True)
class Bench:
    """What a worker needs to know beside the clip: pickled to other processes."""

    run: Path
    context: Context
    metrics: tuple[Metric, ...]
    seed: int


@dataclass(frozen=True)
class Injection:
    """One clip, and what to inject. other: the clip that lends its sound. models: learned from other speakers."""

    reference: Reference
    other: Reference
    artifact: str
    strengths: tuple[float, ...]
    models: Models

    @property
    def id(self) -> str:
        """Under which its statistics are kept."""
        return f"{self.artifact}/{self.reference.id}"


def filed(key: str, strength: float) -> str:
    """Where a strength's statistics by a score key are filed in an injection's part of the run."""
    return f"{key}@{strength:g}"


def measured_by(name: str, metrics: tuple[Metric, ...]) -> tuple[Metric, ...]:
    """The metrics that an artifact can reach: pictures alone say nothing of a sound that changed."""
    unheard = name != CLEAN and artifact(name).hears_only
    return tuple(metric for metric in metrics if not (unheard and metric.paired))


def inject(bench: Bench, job: Injection) -> None:
    """Inject one artifact at all its strengths into one clip, measure, and keep the statistics in the run folder."""
    run = Run(bench.run)
    kept = run.read_partial(job.id)
    stats: dict[str, Stats] = {}
    if kept is not None and kept.reference_sha256 == job.reference.digest:
        stats = dict(kept.stats)
    scene = _scene(bench, job.reference, job.other)
    if job.artifact != CLEAN and artifact(job.artifact).hears_only and not len(scene.subject.clip.speech):
        raise ArtifactError(f"clip {job.reference.id}: artifact {job.artifact} needs sound, and the clip has none")
    for strength in job.strengths or (0.0,):
        metrics = [m for m in measured_by(job.artifact, bench.metrics) if filed(m.key, strength) not in stats]
        if not metrics:
            continue
        spoiled = scene.subject.clip
        if job.artifact != CLEAN:
            spoiled = artifact(job.artifact)(scene.subject, strength, bench.seed)
        faces = scene.faces if any(metric.needs_landmarks for metric in metrics) else None
        landmarks = (faces.of(scene.pair.reference), faces.of(spoiled)) if faces else None
        pair = replace(scene.pair, generated=spoiled, landmarks=landmarks, models=job.models)
        stats |= {filed(metric.key, strength): metric.measure(pair) for metric in metrics}
    frames = len(scene.subject.clip)
    run.write_partial(Partial(job.id, "", job.reference.digest, frames, frames, 0, stats))


class Faces:
    """The landmarks of frames, each distinct picture looked at once: many artifacts show a clip's own frames."""

    def __init__(self, tracker: FaceTracker) -> None:
        self.tracker = tracker
        self._known: dict[bytes, np.ndarray] = {}

    def of(self, clip: Clip) -> FaceTrack:
        """What tracker.measure(clip) gives: the tracker looks at every frame on its own."""
        names = [
            hashlib.blake2b(frame.data, digest_size=16).digest() for frame in map(np.ascontiguousarray, clip.frames)
        ]
        unseen = {name: place for place, name in enumerate(names) if name not in self._known}
        if unseen:
            looked = self.tracker.measure(replace(clip, frames=clip.frames[list(unseen.values())]))
            self._known |= dict(zip(unseen, looked.landmarks, strict=True))
        landmarks = np.stack([self._known[name] for name in names]).reshape(-1, POINTS, 2)
        found = np.asarray(np.isfinite(landmarks).all(axis=(1, 2)))
        return FaceTrack(landmarks, found, *clip.frames.shape[1:3])


@dataclass(frozen=True, eq=False)
class Scene:
    """A clip made ready: the pair of reference and re-encoded clip, and the subject of all artifacts."""

    pair: ClipPair
    subject: Subject
    faces: Faces | None


_LAST: dict[tuple[object, ...], Scene] = {}  # of this process: the artifacts of a clip follow each other


def _scene(bench: Bench, reference: Reference, other: Reference) -> Scene:
    """The clip made ready, kept until another one is asked for."""
    context = bench.context
    key = (bench.run, context.tracker, context.device, context.content(reference), reference.id, other.digest)
    if key not in _LAST:
        _LAST.clear()
        _LAST[key] = _prepared(bench, reference, other)
    return _LAST[key]


def _prepared(bench: Bench, reference: Reference, other: Reference) -> Scene:
    context = bench.context
    real = context.read(reference)
    track = context.track(reference, real)
    clean = replace(real, frames=recoded(real.frames, real.fps))
    faces = Faces(context.tracker) if context.tracker else None
    pair = ClipPair(
        real,
        clean,
        track=track,
        device=context.device,
        weights=context.weights,
        reference_sha256=context.content(reference),
    )
    return Scene(pair, Subject(clean, track, context.read(other).speech), faces)
