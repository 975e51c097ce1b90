"""A generated video beside its reference, read and lined up: which frames meet, whose face, by what means."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from lsbench.errors import AlignmentError, FaceError
from lsbench.face.track import FaceTrack
from lsbench.media.expected import Expected
from lsbench.media.files import Sound, read_film
from lsbench.media.film import Film
from lsbench.metrics._base.metric import Metric
from lsbench.protocol.align import Alignment, align, demand_length
from lsbench.protocol.context import Context
from lsbench.protocol.fit import Fitted, fitted
from lsbench.protocol.manifest import Reference
from lsbench.protocol.protocol import AD_HOC, Protocol
from lsbench.protocol.rate import Timed, timed
from lsbench.run.learn import Models
from lsbench.run.windows import FilmPair

AUDIBLE = 1e-3  # of full scale, -60 dB


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


def paired(context: Context, metrics: Iterable[Metric], job: Job, kept: dict[Hashable, Any] | None = None) -> FilmPair:
    """Both films of a clip, read and lined up as the protocol says; one film twice where there is no reference.

    Args:
        context: how clips are read.
        metrics: that will be measured.
        job: the clip.
        kept: what is kept of its reference from one generator to the next, empty at first; None where nothing is.

    Raises:
        LsbenchError: where one cannot be read, they do not fit each other, or the face is lost.
    """
    rules = context.rules
    if rules.task == "alone":
        reference = generated = context.film(job.reference)
    else:
        if kept is None or "film" not in kept:
            reference = context.film(job.reference, None if rules.has_truth else "optional")
        else:
            reference = kept["film"]
        rates: dict[str, Any] = {"sample_rate": rules.sample_rate, "folder_fps": reference.fps}
        sound: Sound = "optional" if rules.is_silent else context.sound
        expected = _expected(rules, reference)
        generated = read_film(job.generated, job.reference.id, sound=sound, expected=expected, **rates)
        generated = replace(generated, said=(job.driver or job.driving or job.reference).said)
    films = lined_up(context, metrics, job, reference, generated)
    if kept is None:
        return films
    kept["film"] = reference
    return replace(films, kept=kept.setdefault(films.reference_cut, {}) if films.reference_cut else None)


def _expected(rules: Protocol, reference: Film) -> Expected:
    """What a generated video must be like to be compared with its reference."""
    return Expected(
        size=reference.size if rules.has_truth and rules.fit == "strict" else None,
        length_s=len(reference) / reference.fps if rules.has_truth and rules.align == "strict" else None,
    )


def lined_up(context: Context, metrics: Iterable[Metric], job: Job, reference: Film, generated: Film) -> FilmPair:
    """Both films of a clip, lined up as the protocol says.

    Raises:
        LsbenchError: where they do not fit each other, or the face is lost.
    """
    metrics, rules = tuple(metrics), context.rules
    films = (_aligned if rules.has_truth else _dubbed)(context, metrics, job, reference, generated)
    return replace(
        films,
        device=context.device,
        weights=context.weights,
        reference_sha256=None if rules.fit == "face" else context.content(job.reference),  # its crop is no file's
        models=job.models,
        reference_frames=films.reference_frames or len(reference),
        notes=_notes(films, rules.task == "alone"),
    )


def _notes(films: FilmPair, alone: bool) -> tuple[str, ...]:
    """What a reader must know of the two videos and of how they were brought together."""
    sides = [("reference", films.reference), ("generated", films.generated)][alone:]
    return (*(f"{side}: {note}" for side, film in sides for note in film.notes), *films.notes)


def _aligned(context: Context, metrics: tuple[Metric, ...], job: Job, reference: Film, generated: Film) -> FilmPair:
    """The films where the reference is the truth."""
    rules = context.rules
    try:
        time = timed(reference, generated, rules.rate)
        size = Fitted(reference, time.generated)
        if rules.fit != "face":
            size = fitted(reference, time.generated, rules.fit)
    except AlignmentError as error:
        raise AlignmentError(f"{error}{_more_faults(context.rules, reference, generated)}") from None
    if rules.fit == "face":
        return _faces(context, job, reference, generated, time)
    overlap = align(size.reference, size.generated, rules.align, rules.fps, rules.frames)
    landmarks = _landmarks(context, metrics, job, reference, generated)
    boxed = any(metric.needs_track for metric in metrics)
    track = context.track(job.reference, reference) if boxed else None
    return FilmPair(
        reference=_noted(size.reference, track or (landmarks and landmarks[0])).cut(*overlap.of_reference),
        generated=_noted(_heard(size.generated, reference), landmarks and landmarks[1]).cut(*overlap.of_generated),
        track=track,
        first_frame=overlap.start,
        landmarks=(
            landmarks[0].cut(*overlap.of_reference),
            size.cuttings[1].of(landmarks[1].taken(time.frames)).cut(*overlap.of_generated),
        )
        if landmarks
        else None,
        lag_frames=overlap.lag_frames,
        notes=(*time.notes, *size.notes, *_beyond(size.generated, overlap)),
        reference_cut=overlap.of_reference if size.reference is reference else None,
    )


def _more_faults(rules: Protocol, reference: Film, generated: Film) -> str:
    """What else keeps a video of another size or rate from being compared, for the end of the sentence that says so."""
    frames = timed(reference, generated, "resample").generated
    said = ""
    if rules.align == "strict" and len(frames) != len(reference):
        least = min(len(frames), len(reference))
        said = f". Beside that it has {len(frames)} frames of the reference's {len(reference)}; --align trim compares "
        said += f"the first {least}"
    if rules.name == AD_HOC or "strict" not in (rules.fit, rules.rate):
        return said
    return (
        f"{said}. But protocol {rules.name} says fit = {rules.fit}, rate = {rules.rate}: score with --reference DIR, "
        "or with a copy of its file that says otherwise"
    )


def _faces(context: Context, job: Job, reference: Film, generated: Film, time: Timed) -> FilmPair:
    """The films cut to the face, where a generated video shows no more than that."""
    rules = context.rules
    track, landmarks = context.track(job.reference, reference), _both_faces(context, job, reference, generated)
    own = landmarks[1].taken(time.frames)
    overlap = align(reference, time.generated, rules.align, rules.fps, rules.frames, (track, own))
    faces = fitted(
        _noted(reference, track).cut(*overlap.of_reference),
        _noted(_heard(time.generated, reference), landmarks[1]).cut(*overlap.of_generated),
        "face",
        (track := track.cut(*overlap.of_reference), own := own.cut(*overlap.of_generated)),
    )
    return FilmPair(
        reference=faces.reference,
        generated=faces.generated,
        track=faces.cuttings[0].of(track),
        landmarks=(faces.cuttings[0].of(landmarks[0].cut(*overlap.of_reference)), faces.cuttings[1].of(own)),
        lag_frames=overlap.lag_frames,
        notes=(*time.notes, *faces.notes, *_beyond(time.generated, overlap)),
    )


def _beyond(generated: Film, overlap: Alignment) -> list[str]:
    """A note where a generated film goes on when its reference is over."""
    more = len(generated) - overlap.of_generated[1]
    return [f"generated: the last {more} of {len(generated)} frames lie beyond the reference"] if more > 0 else []


def _heard(generated: Film, other: Film) -> Film:
    """A generated film with its own sound, where it has any, else that of another film."""
    return generated if len(generated.speech) else replace(generated, speech=other.speech)


def _dubbed(context: Context, metrics: tuple[Metric, ...], job: Job, reference: Film, generated: Film) -> FilmPair:
    """The films where there is no truth: the reference lends the face, the sound is another clip's, or silence."""
    expected = len(generated)
    if context.rules.is_silent:
        demand_length(generated, reference, context.rules.align)
        generated, expected = _muted(generated), max(expected, len(reference))
    elif job.driving:
        driving = context.film(job.driving, "required")
        demand_length(generated, driving, context.rules.align)
        generated, expected = _heard(generated, driving), max(expected, len(driving))
    landmarks = _landmarks(context, metrics, job, reference, generated)
    if landmarks:
        reference, generated = _noted(reference, landmarks[0]), _noted(generated, landmarks[1])
    return FilmPair(reference, generated, landmarks=landmarks, aligned=False, reference_frames=expected)


def _muted(generated: Film) -> Film:
    """A film that silence drove, with silence as its sound, and a note where it has another one."""
    loud = np.abs(generated.speech).max(initial=0) > AUDIBLE
    said = ("it has sound, which is not listened to: silence is said to have driven it",) if loud else ()
    return replace(generated.muted(), notes=(*generated.notes, *said))


def _noted(film: Film, track: FaceTrack | None) -> Film:
    """A film with what is to be said of the face in it."""
    return replace(film, notes=(*film.notes, *track.notes())) if track else film


def _landmarks(
    context: Context, metrics: tuple[Metric, ...], job: Job, reference: Film, generated: Film
) -> tuple[FaceTrack, FaceTrack] | None:
    """The faces of both clips by one tracker, where a metric needs them."""
    own = not context.rules.has_truth  # then no reference lends its boxes: the video's own face does
    if not context.tracker or not any(metric.needs_landmarks or (own and metric.needs_track) for metric in metrics):
        return None
    return _both_faces(context, job, reference, generated)


def _both_faces(context: Context, job: Job, reference: Film, generated: Film) -> tuple[FaceTrack, FaceTrack]:
    """The faces of both files as one tracker measures them; FaceError where there is no tracker."""
    if context.tracker is None:
        raise FaceError(f"clip {reference.id}: the faces of both videos are needed, and there is no face tracker")
    return (
        context.tracker.measure_cached(reference, context.content(job.reference)),
        context.tracker.measure_cached(generated, job.generated_sha256),
    )
