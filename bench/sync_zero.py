"""Whose zero does sync_lag measure from? `python bench/sync_zero.py CLIPS [--others FOLDER]`.

CLIPS is a folder of clips, SPEAKER/CLIP.*, with GRID's word times beside them (CLIP.align); FOLDER holds files of other
sources. Everything is in milliseconds, positive where the pictures are late.

Printed: the lips against the sound without any model, at the b and p of known words and at short closures of the lips
(see closures()); the lag by a model of the other speakers with the sound moved by parts of a frame, at other frame
rates, and with pictures and sound reversed, where an offset changes its sign and a shift of the features does not; the
lags of the other files by a model of all CLIPS, beside what their closures say without a model; the lags of CLIPS by a
model of each of the others alone, which should be the same with the other sign.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, sosfiltfilt

from lsbench.errors import LsbenchError
from lsbench.face.tracker import FaceTracker
from lsbench.media.files import find_clips, read_clip
from lsbench.metrics._base.landmarks import LIP_MIDDLES, span, tracked_landmarks
from lsbench.metrics._base.learner import Model
from lsbench.metrics._sync.measure import REACH_S, SILENT_PEAK
from lsbench.metrics._sync.mouth_signals import mouth_signals, standardised
from lsbench.metrics._sync.sync_ridge import fit, predicted
from lsbench.metrics.sync import correlations
from lsbench.networks import weights

RATE = 16000  # of speech, Hz
MOVED_MS = (-60, -30, -10, 10, 30, 60, 120)
RATES = (12.5, 20, 24, 30, 50, 60)
REACH_MS = 400  # within which closures and sound are compared
PARTED = 0.2  # of the way from shut to open
BAND_HZ = (1000, 7000)  # in which bursts are heard
SURE_MS = 60  # width of an interval
DRAWS = 500  # of the bootstrap


@dataclass(frozen=True)
class Talk:
    """One clip without its pictures."""

    name: str
    speaker: str
    landmarks: np.ndarray
    speech: np.ndarray
    fps: float
    words: tuple[tuple[float, str], ...] = ()  # start in seconds, word

    @property
    def gap(self) -> np.ndarray:
        """Of the inner lips, over the clip's own range: 0 shut, 1 wide open; (T,)."""
        gap = span(self.landmarks, LIP_MIDDLES)
        shut, wide = np.nanpercentile(gap, [2, 95])
        return np.asarray((gap - shut) / (wide - shut))

    @property
    def level(self) -> np.ndarray:
        """Of the sound in BAND_HZ, dB, each millisecond, no lower than 40 dB below its loud moments."""
        band = sosfiltfilt(butter(2, BAND_HZ, "bandpass", fs=RATE, output="sos"), self.speech.astype(np.float64))
        window = np.hanning(RATE * 6 // 1000 + 2)[1:-1]
        level = 10 * np.log10(np.convolve(band**2, window / window.sum(), "same")[:: RATE // 1000] + 1e-12)
        return np.asarray(np.maximum(level, np.percentile(level, 98) - 40))


def read(folder: Path, tracker: FaceTracker, speakers: bool) -> list[Talk]:
    talks = []
    for clip_id, path in find_clips(folder).items():
        try:
            clip = read_clip(path, clip_id)
        except LsbenchError:
            continue
        if np.abs(clip.speech).max(initial=0) >= SILENT_PEAK and len(clip.frames) > 2 * clip.fps:
            words = path.with_suffix(".align")
            lines = words.read_text().splitlines() if words.is_file() else ()
            times = tuple((int(start) / 25000, word) for start, _, word in (line.split() for line in lines))
            speaker = clip_id.split("/")[0] if speakers else clip_id
            landmarks = tracked_landmarks(tracker.measure(clip))
            talks.append(Talk(clip_id, speaker, landmarks, clip.speech, clip.fps, times))
    return talks


# --- without a model


def closures(talk: Talk) -> np.ndarray:
    """When the lips shut and when they part again, seconds: (closures, 2), for short closures between open lips.

    A closure is a minimum of the gap under 15 % of its range, with 25 % more of it within 0.3 s before and after; its
    ends, 30 to 300 ms apart, are where the gap is PARTED of the way up to its maxima there, on straight lines between
    frames.
    """
    gap, fps = talk.gap, talk.fps
    reach, found = round(0.3 * fps), set()
    for low in range(1, len(gap) - 1):
        if not (gap[low] <= gap[low - 1] and gap[low] < gap[low + 1] and gap[low] < 0.15):
            continue
        ends = []
        for way in (gap[low::-1], gap[low:]):
            height = way[: reach + 1].max() - way[0]
            if height > 0.25:
                over = int(np.argmax(way > way[0] + PARTED * height))
                below, above = way[over - 1 : over + 1]
                ends.append((over - 1 + (way[0] + PARTED * height - below) / (above - below)) / fps)
        if len(ends) == 2 and 0.03 < sum(ends) < 0.3:
            found.add((low / fps - ends[0], low / fps + ends[1]))
    return np.array(sorted(found)).reshape(-1, 2)


def sound_at_closures(talk: Talk) -> np.ndarray:
    """Slope of the sound's level around each parting less that around the closing before it: (closures, instants)."""
    slope = np.pad(gaussian_filter1d(talk.level, 13, order=1), 2 * REACH_MS)
    around = 2 * REACH_MS + np.arange(-REACH_MS, REACH_MS + 1)
    rows = [slope[round(1000 * part) + around] - slope[round(1000 * shut) + around] for shut, part in closures(talk)]
    return np.array(rows).reshape(-1, len(around))


def closure_lag(rows: np.ndarray) -> tuple[float, float, float]:
    """How late the lips part against the rise of the sound, and its 90 % interval by resampled closures, ms."""
    random = np.random.default_rng(0)
    draws = [rows, *(rows[random.integers(0, len(rows), len(rows))] for _ in range(DRAWS))]
    found = [REACH_MS - float(draw.mean(axis=0).argmax()) for draw in draws]
    return (found[0], *np.percentile(found[1:], [5, 95]))


def burst_lags(talk: Talk) -> list[float]:
    """How late the lips part against the bursts of the words that start with b or p, ms; words without are left out.

    The burst is the highest rise of the level, from the mean of 8 ms to that of the 8 ms after it, between 60 ms before
    the word's start and 120 ms after it; the parting is the nearest one within 250 ms.
    """
    parted, found = closures(talk)[:, 1], []
    rise = np.convolve(talk.level, np.repeat([1, -1], 8) / 8, "same")
    for start, word in talk.words:
        if word[0] in "bp" and len(parted):
            first = max(0, round(1000 * start) - 60)
            burst = (first + rise[first : first + 180].argmax()) / 1000
            late = parted - burst
            nearest = late[np.abs(late).argmin()]
            if abs(nearest) <= 0.25:
                found.append(1000 * float(nearest))
    return found


def median(values: list[float]) -> str:
    random, array = np.random.default_rng(0), np.array(values)
    low, high = np.percentile([np.median(random.choice(array, len(array))) for _ in range(DRAWS)], [5, 95])
    return f"{np.median(array):+5.0f} [{low:+.0f}, {high:+.0f}]"


# --- with the model


def model_of(talks: list[Talk]) -> Model:
    fps = {talk.fps for talk in talks}
    speakers = {talk.speaker for talk in talks}
    clips = {name: [(t.landmarks, t.speech) for t in talks if t.speaker == name] for name in speakers}
    return fit(clips, fps=fps.pop())


def lag_ms(talk: Talk, model: Model) -> tuple[float, float]:
    """By the regression, finer than a frame by a parabola through the highest correlation; and that correlation."""
    reach = round(REACH_S * talk.fps)
    expected = predicted(model, talk.speech, len(talk.landmarks), talk.fps, RATE)
    found = correlations(expected, standardised(mouth_signals(talk.landmarks, talk.fps)), np.arange(-reach, reach + 1))
    best = int(np.nanargmax(found))
    lag = float(best - reach)
    if 0 < best < 2 * reach:
        before, top, after = found[best - 1 : best + 2]
        lag += float((before - after) / (2 * (before - 2 * top + after)))
    return 1000 * lag / talk.fps, float(found[best])


def moved(talk: Talk, ms: float) -> Talk:
    """With its sound so much earlier: pictures late."""
    samples = round(ms * RATE / 1000)
    speech = talk.speech[samples:] if samples >= 0 else np.concatenate([np.zeros(-samples, np.float32), talk.speech])
    return replace(talk, speech=speech, words=tuple((start - ms / 1000, word) for start, word in talk.words))


def backwards(talk: Talk) -> Talk:
    """Pictures and sound from the last frame to the first; what is heard at a frame stays there."""
    end = round((len(talk.landmarks) - 1) * RATE / talk.fps) + 1
    speech = np.pad(talk.speech, (0, max(0, end - len(talk.speech))))[:end]
    return replace(talk, landmarks=talk.landmarks[::-1].copy(), speech=speech[::-1].copy())


def at_rate(talk: Talk, fps: float, phase: float = 0.0) -> Talk:
    """Its landmarks at the instants (k + phase) / fps, on straight lines between frames; the sound with them."""
    instants = np.arange(phase / fps, (len(talk.landmarks) - 1) / talk.fps, 1 / fps) * talk.fps
    left = np.minimum(instants.astype(int), len(talk.landmarks) - 2)
    share = (instants - left)[:, None, None]
    landmarks = (1 - share) * talk.landmarks[left] + share * talk.landmarks[left + 1]
    return moved(replace(talk, landmarks=landmarks, fps=fps), 1000 * phase / fps)


# --- the tables


def print_without_model(talks: list[Talk]) -> float:
    """And the lag of the lips at closures, over all clips."""
    print("\nwithout a model: the lips part after the burst of b or p, median [90 %] of words; and after")
    print("the rise of the sound at short closures [90 %]; pictures late, ms")
    speakers = sorted({talk.speaker for talk in talks})
    groups = [(name, [talk for talk in talks if talk.speaker == name]) for name in speakers]
    for ms in (0, -120, 120):
        name = "all" if not ms else f"sound moved {ms:+}"
        groups.append((name, [moved(talk, ms) for talk in talks]))
    whole = 0.0
    for name, group in groups:
        bursts = [late for talk in group for late in burst_lags(talk)]
        rows = np.concatenate([sound_at_closures(talk) for talk in group])
        late, low, high = closure_lag(rows)
        whole = late if name == "all" else whole
        words = f"{median(bursts)} of {len(bursts)}" if bursts else "-"
        print(f"{name:<18} {words:<24} {late:+5.0f} [{low:+.0f}, {high:+.0f}] of {len(rows)}")
    return whole


def print_known(talks: list[Talk]) -> None:
    changes: list[tuple[str, float, list[Talk]]] = [("as they are", 0, talks)]
    changes += [(f"moved by {ms:+} ms", ms, [moved(talk, ms) for talk in talks]) for ms in MOVED_MS]
    changes += [(f"at {fps:g} frames a second", 0, [at_rate(talk, fps) for talk in talks]) for fps in RATES]
    changes += [("half a frame between", 0, [at_rate(talk, talk.fps, 0.5) for talk in talks])]
    speakers = {talk.speaker for talk in talks}
    models = {name: model_of([talk for talk in talks if talk.speaker != name]) for name in speakers}
    print("\nby a model of the other speakers: what is changed, by ms; median lag; median of lag less own lag [90 %]")
    own = [lag_ms(talk, models[talk.speaker])[0] for talk in talks]
    for name, late, changed in changes:
        lags = [lag_ms(talk, models[talk.speaker])[0] for talk in changed]
        apart = [lag - before for lag, before in zip(lags, own, strict=True)]
        print(f"{name:<26} {late:>+6.0f} {np.median(lags):>+6.1f} {median(apart)}")
    turned = [backwards(talk) for talk in talks]
    models = {name: model_of([talk for talk in turned if talk.speaker != name]) for name in speakers}
    lags = [lag_ms(talk, models[talk.speaker])[0] for talk in turned]
    print(f"{'all backwards':<26} {0:>+6.0f} {np.median(lags):>+6.1f}")


def print_others(talks: list[Talk], others: list[Talk], zero: float) -> None:
    forth, back = model_of(talks), model_of([backwards(talk) for talk in talks])
    print("\nother files, pictures late, ms: lag by a model of all clips, its correlation; the same backwards; half")
    print("their difference (offset) and half their sum (bias); at closures [90 %], less that of the clips; and how")
    print("late the clips are by a model of this file alone")
    table: list[tuple[float, ...]] = []
    surer: list[tuple[Talk, float]] = []
    weaker: list[tuple[Talk, float]] = []
    for talk in others:
        (lag, height), (turned, _) = lag_ms(talk, forth), lag_ms(backwards(talk), back)
        rows = sound_at_closures(talk)
        lips = closure_lag(rows) if len(rows) > 2 else (np.nan,) * 3
        own = model_of([talk])
        mirrored = float(np.median([lag_ms(at_rate(clip, talk.fps), own)[0] for clip in talks]))
        (surer if lips[2] - lips[1] < SURE_MS else weaker).append((talk, lag))
        table.append((lag, turned, lips[0] - zero, mirrored))
        interval = f"[{lips[1] - zero:+.0f}, {lips[2] - zero:+.0f}]"
        print(
            f"{talk.name:<22} {lag:>+5.0f} {height:.2f} {turned:>+5.0f} {(lag - turned) / 2:>+5.0f} "
            f"{(lag + turned) / 2:>+5.0f} {lips[0] - zero:>+5.0f} {interval:<13} of {len(rows):<2} {mirrored:>+5.0f}"
        )
    for name, group in (("surer", surer), ("other", weaker)):
        for how, share in (("each less its lag by the model", 1), ("as they are", 0)):
            if group:
                rows = np.concatenate([sound_at_closures(moved(talk, -share * lag)) for talk, lag in group])
                late, low, high = (value - zero for value in closure_lag(rows))
                print(f"closures of the {name} {len(group)} files together, {how}:", end=" ")
                print(f"{late:+.0f} [{low:+.0f}, {high:+.0f}] of {len(rows)}")
    if table:
        lag, turned, lips, mirrored = np.array(table).T
        sizes = np.abs(lag + turned) / 2, np.abs(lag - lips), np.abs(lag + mirrored)
        print("medians of size: half sum, lag less closures, sum of the two models' lags:", end=" ")
        print(", ".join(f"{np.nanmedian(size):.0f}" for size in sizes))


def main(folder: Path, other: Path | None) -> None:
    tracker = FaceTracker(*weights.require("face_landmarker"))
    talks = read(folder, tracker, speakers=True)
    print(f"{len(talks)} clips of {len({talk.speaker for talk in talks})} speakers")
    zero = print_without_model(talks)
    print_known(talks)
    if other:
        print_others(talks, read(other, tracker, speakers=False), zero)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--others", type=Path)
    arguments = parser.parse_args()
    main(arguments.clips, arguments.others)
