"""One clip with one artifact: injected into the re-encoded clip in memory, measured at every strength, kept on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lsbench.auditing.artifacts.artifact import Subject
from lsbench.auditing.artifacts.catalogue import artifact
from lsbench.errors import ArtifactError, RunError
from lsbench.face.track import FaceTrack
from lsbench.face.tracker import FaceTracker, Sights
from lsbench.media.clip import Clip
from lsbench.media.recode import recoded
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.networks.kept_features import KEPT
from lsbench.protocol.context import Context
from lsbench.protocol.manifest import Reference
from lsbench.run.folder import Run
from lsbench.run.learn import Models
from lsbench.run.result import Partial

CLEAN = "clean"  # in place of an artifact's name: the re-encoded clip as it is


@dataclass(frozen=True)
class Injection:
    """One clip, and what to inject into it.

    Attributes:
        reference: the clip.
        sound_from: the clip that lends its sound.
        artifact: by name, or CLEAN.
        strengths: of the artifact, rising; none for CLEAN.
        models: what metrics learned from other speakers.
    """

    reference: Reference
    sound_from: Reference
    artifact: str
    strengths: tuple[float, ...]
    models: Models

    @property
    def id(self) -> str:
        """Under which its statistics are kept."""
        return f"{self.artifact}/{self.reference.id}"


@dataclass(frozen=True)
class Injector:
    """Injects artifacts into clips, measures them, and keeps the statistics; pickled to other processes.

    Attributes:
        run: the folder of the audit.
        context: how clips are read.
        metrics: by which they are measured.
        seed: of artifacts that are random.
    """

    run: Run
    context: Context
    metrics: tuple[Metric, ...]
    seed: int

    def measured_by(self, name: str) -> tuple[Metric, ...]:
        """The metrics that an artifact can reach: pictures alone say nothing of a sound that changed."""
        unheard = name != CLEAN and artifact(name).hears_only
        return tuple(metric for metric in self.metrics if not (unheard and metric.paired))

    def is_finished(self, job: Injection) -> bool:
        """Whether everything that is to be measured of a job is kept."""
        metrics, strengths = self.measured_by(job.artifact), job.strengths or (0.0,)
        part = self.run.read_partial(job.id, [filed(metric.key, at) for metric in metrics for at in strengths])
        return part is not None and part.reference_sha256 == job.reference.digest

    def inject(self, job: Injection) -> None:
        """Inject one artifact at all its strengths into one clip, measure what is not kept yet, and keep it."""
        part = self.run.read_partial(job.id)
        stats: dict[str, Stats] = {}
        if part is not None and part.reference_sha256 == job.reference.digest:
            stats = dict(part.stats)
        scene = _scene(self, job.reference, job.sound_from)
        if job.artifact != CLEAN and artifact(job.artifact).hears_only and not len(scene.subject.clip.speech):
            raise ArtifactError(f"clip {job.reference.id}: artifact {job.artifact} needs sound, and the clip has none")
        for strength in job.strengths or (0.0,):
            metrics = [m for m in self.measured_by(job.artifact) if filed(m.key, strength) not in stats]
            if not metrics:
                continue
            spoiled = scene.subject.clip
            if job.artifact != CLEAN:
                spoiled = artifact(job.artifact)(scene.subject, strength, self.seed)
            faces = scene.faces if any(metric.needs_landmarks for metric in metrics) else None
            landmarks = (faces.of(scene.pair.reference), faces.of(spoiled)) if faces else None
            keys = frozenset(metric.key for metric in metrics)
            pair = replace(scene.pair, generated=spoiled, landmarks=landmarks, keys=keys, models=job.models)
            with KEPT.round():
                stats |= {filed(metric.key, strength): metric.measure(pair) for metric in metrics}
        frames = len(scene.subject.clip)
        self.run.write_partial(Partial(job.id, "", job.reference.digest, frames, frames, 0, stats))

    def statistics(
        self, clips: Sequence[Reference], name: str, strengths: Sequence[float]
    ) -> dict[tuple[str, float], list[Stats]]:
        """What is kept of an artifact: the statistics of every clip, in their order, by (score key, strength)."""
        names = {(metric.key, at): filed(metric.key, at) for metric in self.measured_by(name) for at in strengths}
        statistics: dict[tuple[str, float], list[Stats]] = {key: [] for key in names}
        for clip in clips:
            part = self.run.read_partial(f"{name}/{clip.id}", names.values())
            if part is None:
                raise RunError(
                    f"{self.run.path}: {name}/{clip.id} vanished while it was read; give the same command again"
                )
            for key, filed_as in names.items():
                statistics[key].append(part.stats[filed_as])
        return statistics


def filed(key: str, strength: float) -> str:
    """Where a strength's statistics by a score key are filed in an injection's part of the run."""
    return f"{key}@{strength:g}"


class Faces:
    """The landmarks of frames, each distinct picture looked at once: many artifacts show a clip's own frames."""

    def __init__(self, tracker: FaceTracker) -> None:
        self.tracker = tracker
        self._sights: Sights = {}

    def of(self, clip: Clip) -> FaceTrack:
        """What tracker.measure(clip) gives."""
        return self.tracker.measure(clip, self._sights)


@dataclass(frozen=True, eq=False)
class Scene:
    """A clip made ready: the pair of reference and re-encoded clip, and the subject of all artifacts."""

    pair: ClipPair
    subject: Subject
    faces: Faces | None


_LAST: dict[tuple[object, ...], Scene] = {}  # of this process: the artifacts of a clip follow each other


def _scene(injector: Injector, reference: Reference, sound_from: Reference) -> Scene:
    """The clip made ready, kept until another one is asked for."""
    context = injector.context
    content = context.content(reference)
    key = (injector.run.path, context.tracker, context.device, content, reference.id, sound_from.digest)
    if key not in _LAST:
        _LAST.clear()
        _LAST[key] = _prepared(context, reference, sound_from)
    return _LAST[key]


def _prepared(context: Context, reference: Reference, sound_from: Reference) -> Scene:
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
    return Scene(pair, Subject(clean, track, context.read(sound_from).speech), faces)
