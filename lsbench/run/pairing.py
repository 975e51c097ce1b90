"""A generated video beside its reference, read and lined up: which frames meet, whose face, by what means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lsbench.face.track import FaceTrack
from lsbench.media.files import read_film
from lsbench.media.film import Film
from lsbench.metrics._base.metric import Metric
from lsbench.protocol.align import align, demand_length
from lsbench.protocol.context import Context
from lsbench.protocol.manifest import Reference
from lsbench.run.learn import Models
from lsbench.run.windows import FilmPair


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


def paired(context: Context, metrics: Iterable[Metric], job: Job) -> FilmPair:
    """Both films of a clip, lined up as the protocol says.

    Raises:
        LsbenchError: where one cannot be read, they do not fit each other, or the face is lost.
    """
    metrics, rules = tuple(metrics), context.rules
    reference = context.film(job.reference, "optional" if rules.task == "dubbing" else None)
    rates: dict[str, Any] = {"sample_rate": rules.sample_rate, "folder_fps": reference.fps}
    generated = read_film(job.generated, job.reference.id, sound=context.sound, **rates)
    films = (_dubbed if rules.task == "dubbing" else _aligned)(context, metrics, job, reference, generated)
    return replace(
        films,
        device=context.device,
        weights=context.weights,
        reference_sha256=context.content(job.reference),
        models=job.models,
        reference_frames=len(reference),
        notes=_notes(films),
    )


def _notes(films: FilmPair) -> tuple[str, ...]:
    """What a reader must know of the two videos and of how they were brought together."""
    sides = ("reference", films.reference), ("generated", films.generated)
    return (*(f"{side}: {note}" for side, film in sides for note in film.notes), *films.notes)


def _aligned(context: Context, metrics: tuple[Metric, ...], job: Job, reference: Film, generated: Film) -> FilmPair:
    """The films where the reference is the truth."""
    rules = context.rules
    overlap = align(reference, generated, rules.align, rules.fps, rules.frames)
    if not len(generated.speech):
        generated = replace(generated, speech=reference.speech)
    cut = overlap.start, overlap.stop
    late = overlap.start + overlap.lag_frames, overlap.stop + overlap.lag_frames
    landmarks = _landmarks(context, metrics, job, reference, generated)
    boxed = any(metric.needs_track for metric in metrics)
    track = context.track(job.reference, reference) if boxed else None
    return FilmPair(
        reference=_noted(reference.cut(*cut), track or (landmarks and landmarks[0])),
        generated=_noted(generated.cut(*late), landmarks and landmarks[1]),
        track=track,
        first_frame=overlap.start,
        landmarks=(landmarks[0].cut(*cut), landmarks[1].cut(*late)) if landmarks else None,
        lag_frames=overlap.lag_frames,
    )


def _dubbed(context: Context, metrics: tuple[Metric, ...], job: Job, reference: Film, generated: Film) -> FilmPair:
    """The films where there is no truth: the reference lends the face, the sound is another clip's."""
    if job.driving:
        driving = context.film(job.driving, "required")
        demand_length(generated, driving, context.rules.align)
        if not len(generated.speech):
            generated = replace(generated, speech=driving.speech)
    landmarks = _landmarks(context, metrics, job, reference, generated)
    if landmarks:
        reference, generated = _noted(reference, landmarks[0]), _noted(generated, landmarks[1])
    return FilmPair(reference, generated, landmarks=landmarks, aligned=False)


def _noted(film: Film, track: FaceTrack | None) -> Film:
    """A film with what is to be said of the face in it."""
    return replace(film, notes=(*film.notes, *track.notes())) if track else film


def _landmarks(
    context: Context, metrics: tuple[Metric, ...], job: Job, reference: Film, generated: Film
) -> tuple[FaceTrack, FaceTrack] | None:
    """The faces of both clips by one tracker, where a metric needs them."""
    tracker = context.tracker
    dubbed = context.rules.task == "dubbing"  # then no reference lends its boxes: the video's own face does
    if not tracker or not any(metric.needs_landmarks or (dubbed and metric.needs_track) for metric in metrics):
        return None
    return (
        tracker.measure_cached(reference, context.content(job.reference)),
        tracker.measure_cached(generated, job.generated_sha256),
    )
