"""The leakage probe: does a generator make lips move by the sound, or does it copy the mouth that it is shown?

The field's own inference scripts feed the very frames that are to be produced. Here a generator gets a real clip as it
is, mouth included, with the clip's own sound, with another clip's (swapped) and with silence; and once more, with the
swapped sound, the clip whose mouth is held still. What differs between the two outputs of the swapped sound can only
come from the mouth that was shown: the face, its pose and the sound are the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from lsbench.errors import GeneratorError
from lsbench.face.track import FaceTrack, Region
from lsbench.face.tracker import FaceTracker
from lsbench.generation.command import TIMEOUT_S
from lsbench.generation.generator import Generator, perform
from lsbench.generation.shown_face import visible_face, with_mouth_of
from lsbench.generation.source import Source, of_any
from lsbench.generation.standins import cut_or_pad
from lsbench.media.clip import Clip, crop
from lsbench.media.film import Film
from lsbench.metrics._base.landmarks import aperture
from lsbench.protocol.align import align
from lsbench.protocol.changes import block_means
from lsbench.protocol.context import Context
from lsbench.protocol.protocol import Protocol, Reference
from lsbench.system import pool
from lsbench.system.pool import Progress

COPIES, PARTLY = 0.7, 0.1  # shares of the shown mouth that survive, by which a generator is named
FOLLOWS = 0.5  # correlation with the source mouth's aperture, by which one is said to copy partly
MAX_LAG = 6  # frames
CELLS = 8  # the lips are compared on a grid of 8 x 8, so that blur and small resolution do not hide a copy
CLIPS = 6
SOUNDS = ("own", "swapped", "silent")


@dataclass(frozen=True)
class ClipLeakage:
    """What one clip shows.

    Attributes:
        clip_id: of the clip that was shown.
        driver_id: of the one whose sound was swapped in.
        survival: share of the shown mouth that is found in the output, 0..1.
        lag_frames: by which it is found later.
        aperture: correlation of the output's lips with the shown ones, by sound; for the swapped sound with what the
            driving clip's own lips explain taken out of both; NaN where it is undefined, empty without a face tracker.
        listens: change of the mouth between own and swapped sound over its motion in the source; NaN where there is
            none.
    """

    clip_id: str
    driver_id: str
    survival: float
    lag_frames: int
    aperture: Mapping[str, float]
    listens: float


@dataclass(frozen=True)
class Leakage:
    """What the probe found.

    Attributes:
        generator: as it is spelled.
        identity: the protocol's rule of what a generator sees of a face.
        clips: what each shows.
        shown: how much of the true lips' motion the identity rule lets a generator see, 0..1: the correlation of
            apertures at the best lag within MAX_LAG frames, less where they move less; mean over clips.
    """

    generator: str
    identity: str
    clips: tuple[ClipLeakage, ...]
    shown: float

    @property
    def survival(self) -> float:
        """The median over clips."""
        return float(np.median([clip.survival for clip in self.clips]))

    def follows(self, sound: str) -> float:
        """The median correlation of apertures under a sound; NaN where no clip has one."""
        correlations = [
            clip.aperture[sound] for clip in self.clips if not math.isnan(clip.aperture.get(sound, math.nan))
        ]
        return float(np.median(correlations)) if correlations else math.nan

    @property
    def listens(self) -> float:
        """The median over clips."""
        return float(np.median([clip.listens for clip in self.clips]))

    @property
    def verdict(self) -> str:
        """`copies its input`, `partly copies its input` or `no leakage found`."""
        if self.survival >= COPIES:
            return "copies its input"
        if self.survival >= PARTLY or any(self.follows(sound) >= FOLLOWS for sound in ("swapped", "silent")):
            return "partly copies its input"
        return "no leakage found"


@dataclass(frozen=True)
class Probe:
    """What a worker needs to know: pickled to other processes."""

    source: Source
    context: Context
    timeout_s: float


@dataclass(frozen=True)
class Trial:
    """A clip to be shown, and another whose sound drives it."""

    face: Reference
    driver: Reference


def probe(
    generator: str | Source | Generator | Callable[..., Any],
    bench: Protocol,
    *,
    tracker: FaceTracker | None = None,
    clips: int = CLIPS,
    workers: int = 1,
    timeout_s: float = TIMEOUT_S,
    progress: Progress | None = None,
) -> Leakage:
    """Probe a generator on a few clips, spread over the manifest: what `lsbench audit leakage` calls.

    Args:
        generator: as it is spelled, parsed, or an object, as for lsbench.score().
        bench: a protocol bound to its clips.
        tracker: follows the lips of what is made; without one they are not compared.
        clips: how many, 1 or more.
        workers: processes.
        timeout_s: for a program that makes one video.
        progress: is told which clip is probed, how many are, of how many.

    Raises:
        LsbenchError: the first that a clip gives, or where clips is below 1.
    """
    source = of_any(generator)
    if clips < 1:
        raise GeneratorError(f"{clips} clips to probe; expected 1 or more")
    trials = [Trial(clip, bench.another(clip)) for clip in _spread(bench.clips, clips)]
    job = Probe(source, Context(bench, tracker), timeout_s)
    probed = pool.each(partial(probe_clip, job), trials, workers, progress=progress, label=lambda trial: trial.face.id)
    leaks, visible = zip(*probed, strict=True)
    return Leakage(source.text, bench.identity, leaks, math.fsum(visible) / len(visible))


def probe_clip(job: Probe, trial: Trial) -> tuple[ClipLeakage, float]:
    """What one clip shows, and how much of its mouth's motion the protocol's identity rule shows."""
    rules, tracker = job.context.rules, job.context.tracker
    face, driver = (job.context.read(clip) for clip in (trial.face, trial.driver))
    track, driver_track = job.context.track(trial.face, face), job.context.track(trial.driver, driver)
    swapped = cut_or_pad(driver.speech, round(len(face) * face.sample_rate / face.fps))
    sounds = {"own": face.speech, "swapped": swapped, "silent": np.zeros_like(swapped)}
    still, still_track = with_mouth_of(face, track, np.full(len(face), len(face) // 2))
    generator = job.source.open(job.timeout_s, None)

    def rendered(shown: Clip, sound: np.ndarray) -> Clip:
        copy = replace(shown, frames=shown.frames.copy(), speech=sound)
        with job.source.at_work():  # only the pictures may tell of the mouth
            made = perform(generator, job.source.text, copy, sound, still_track)
        out = Clip(face.id, made.frames, sound, made.fps or face.fps, face.sample_rate)
        align(Film.of(face), Film.of(out), rules.align)
        return out

    outputs = {name: rendered(face, sound) for name, sound in sounds.items()}
    control = rendered(still, swapped)
    frames = min(len(clip) for clip in (face, control, *outputs.values()))
    lips = _lips(still_track)[:frames]
    shown, hidden, moved, repeated, own = (
        block_means(crop(clip.frames[:frames], lips), CELLS)
        for clip in (face, still, outputs["swapped"], control, outputs["own"])
    )
    survival, lag = survived(shown - hidden, moved - repeated)
    motion = float(np.mean(_moving(shown) ** 2))
    leakage = ClipLeakage(
        trial.face.id,
        trial.driver.id,
        survival,
        lag,
        _apertures(tracker, track, driver_track, outputs) if tracker else {},
        math.sqrt(float(np.mean((own - moved) ** 2)) / motion) if motion else math.nan,
    )
    visible = visible_face(face, track, rules.identity)[1] or still_track
    return leakage, _visible(aperture(track.landmarks), aperture(visible.landmarks))


def survived(source: np.ndarray, output: np.ndarray) -> tuple[float, int]:
    """The share of a change of the input that is found in the output, and how many frames later.

    source, output: (T, ...), the difference between two inputs and between their outputs. The slope of
    output on source, each without its mean over time, at the lag of 0..MAX_LAG frames where it is largest; within 0..1.
    """
    best, best_lag = 0.0, 0
    for lag in range(min(MAX_LAG, len(source) - 2) + 1):
        before, after = _moving(source[: len(source) - lag]), _moving(output[lag:])
        power = float(np.vdot(before, before))
        slope = float(np.vdot(before, after)) / power if power else 0.0
        if slope > best + 1e-9:
            best, best_lag = slope, lag
    return min(best, 1.0), best_lag


def _lips(track: FaceTrack) -> np.ndarray:
    """Squares around the lips, as wide as the mouth: int (T, 4)."""
    boxes = track.box(Region.MOUTH)
    inset = round((boxes[0, 2] - boxes[0, 0]) * (1 - 1 / 1.6) / 2)
    squares: np.ndarray = boxes + np.array([inset, inset, -inset, -inset])
    return squares


def _apertures(
    tracker: FaceTracker, track: FaceTrack, driver: FaceTrack, outputs: Mapping[str, Clip]
) -> dict[str, float]:
    """Correlation of the output's lips with the shown ones, by sound."""
    truth, drive = aperture(track.landmarks), aperture(driver.landmarks)
    correlations = {}
    for sound, clip in outputs.items():
        lips = aperture(tracker.measure(clip).landmarks)
        frames = min(len(truth), len(drive), len(lips))
        rows = np.stack([lips[:frames], truth[:frames], drive[:frames]])
        rows = rows[:, np.isfinite(rows).all(axis=0)]
        correlations[sound] = _correlation(rows[0], rows[1], rows[2] if sound == "swapped" else None)
    return correlations


def _correlation(one: np.ndarray, other: np.ndarray, given: np.ndarray | None = None) -> float:
    """Pearson's correlation, with what `given` explains taken out of both; NaN where one does not vary."""
    if len(one) < 4:
        return math.nan
    causes = np.stack([np.ones(len(one)), *([] if given is None else [given])], axis=1)
    left, right = (row - causes @ np.linalg.lstsq(causes, row, rcond=None)[0] for row in (one, other))
    scale = math.sqrt(float(left @ left) * float(right @ right))
    return float(left @ right) / scale if scale > 1e-9 else math.nan


def _visible(truth: np.ndarray, visible: np.ndarray) -> float:
    """The largest correlation within MAX_LAG frames either way, less where what is visible moves less."""
    pairs = [
        (truth[max(0, -lag) : len(truth) - max(0, lag)], visible[max(0, lag) : len(truth) + min(0, lag)])
        for lag in range(-MAX_LAG, MAX_LAG + 1)
    ]
    correlations = [value for pair in pairs if not math.isnan(value := _correlation(*pair))]
    motion, motion_seen = float(truth.std()), float(visible.std())
    return max([0.0, *correlations]) * min(1.0, motion_seen / motion if motion else 0.0)


def _moving(values: np.ndarray) -> np.ndarray:
    moving: np.ndarray = values - values.mean(axis=0)
    return moving


def _spread(clips: Sequence[Reference], number: int) -> list[Reference]:
    indices = np.unique(np.linspace(0, len(clips) - 1, min(number, len(clips))).round().astype(int))
    return [clips[index] for index in indices]
