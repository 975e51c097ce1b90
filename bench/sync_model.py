"""Make the sync model that comes with lsbench: `python bench/sync_model.py CLIPS [--out FILE] [--without SPEAKER]`.

CLIPS is a folder of clips in sync, SPEAKER/CLIP.*; the file that is shipped was made of the 43 GRID clips of
../shared/grid-mini. It holds numbers alone: 180 x 6 weights, 6 spreads, the number of clips. The same clips, landmarks
and libraries give the same bytes; other versions of the tracker and of libraries move last digits of them.

Each clip is learned as it is and in COPIES versions of it that imitate other corpora: spoken faster or slower (which
moves formants and pitch too), at another frame rate, with a head that turns and nods, a trembling or smoothed tracker;
with another microphone, room and noise. The penalty and everything else was chosen with GRID speakers left out, never
on other clips.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, fftconvolve, firwin2, sosfilt
from threadpoolctl import threadpool_limits

from lsbench.face.tracker import FaceTracker
from lsbench.media.files import content_sha256, find_clips, read_clip
from lsbench.metrics._base.landmarks import interocular, tracked_landmarks
from lsbench.metrics._sync.mouth_signals import standard_deviations, standardised
from lsbench.metrics._sync.shipped import FEATURES, FILE, heard, mouth_course
from lsbench.networks import weights

SEED = 19
COPIES = 12
PENALTY = 1.0  # times the mean of the diagonal of X'X / N
RATE = 16000  # of the sound, Hz
FRAME_RATES = (15, 20, 24, 25, 29.97, 30, 50, 60)


@dataclass(frozen=True, eq=False)
class Talk:
    """A clip without its pictures: landmarks (T, 80, 2) px, NaN where there is no face; speech (N,)."""

    id: str
    landmarks: np.ndarray
    speech: np.ndarray
    fps: float

    @property
    def speaker(self) -> str:
        return self.id.partition("/")[0]


def read(folder: Path) -> list[Talk]:
    """Every clip of a folder, tracked."""
    tracker = FaceTracker(*weights.require("face_landmarker"))
    talks = []
    for clip_id, path in find_clips(folder).items():
        clip = read_clip(path, clip_id, sample_rate=RATE)
        track = tracker.measure_cached(clip, content_sha256(path))
        talks.append(Talk(clip_id, tracked_landmarks(track), clip.speech, clip.fps))
    return talks


def fit(talks: list[Talk], copies: int = COPIES) -> dict[str, np.ndarray]:
    """The model of these clips: weights float32 (180, 6), spread float32 (6,), clips."""
    xx, xy, frames, spread = np.zeros((FEATURES, FEATURES)), np.zeros((FEATURES, 6)), 0, np.zeros(6)
    for place, talk in enumerate(talks):
        spread += standard_deviations(mouth_course(talk.landmarks, talk.fps)) / len(talks)
        for copy in range(copies + 1):
            told = abroad(talk, talks, np.random.default_rng([SEED, place, copy])) if copy else talk
            motion = standardised(mouth_course(told.landmarks, told.fps))
            shown = np.isfinite(motion).all(axis=1)
            speech = heard(told.speech, len(motion), RATE)[shown]
            speech -= speech.mean(axis=0)
            xx += np.einsum("tx,tz->xz", speech, speech)
            xy += np.einsum("tx,ty->xy", speech, motion[shown])
            frames += len(speech)
    with threadpool_limits(1, "blas"):
        ridge = PENALTY * np.trace(xx) / FEATURES * np.eye(FEATURES)
        solved = np.linalg.solve((xx + ridge) / frames, xy / frames)
    return {
        "clips": np.array(len(talks), np.float32),
        "spread": spread.astype(np.float32),
        "weights": solved.astype(np.float32),
    }


def abroad(talk: Talk, talks: list[Talk], random: np.random.Generator) -> Talk:
    """The clip as another corpus might have it."""
    pace, fps = random.uniform(0.85, 1.2), float(random.choice(FRAME_RATES))
    length_s = len(talk.landmarks) / talk.fps / pace
    at = np.arange(int(length_s * fps)) / fps * pace * talk.fps  # frames of the clip
    flat = talk.landmarks.reshape(len(talk.landmarks), -1).astype(np.float64)
    seen = np.flatnonzero(np.isfinite(flat).all(axis=1))
    points = np.stack([np.interp(at, seen, column[seen]) for column in flat.T], axis=1).reshape(len(at), -1, 2)
    eyes = interocular(points)
    for axis, turn_deg in enumerate((15, 10)):  # to the side; up and down
        angle = random.normal(0, turn_deg) + random.uniform(2, 8) * _slow(
            len(at), random.uniform(0.2, 0.6) * fps, random
        )
        points[..., axis] *= np.cos(np.deg2rad(angle))[:, None]
    points += random.choice([0.001, 0.003, 0.006]) * eyes * random.normal(size=points.shape)
    if random.random() < 0.4:
        points = gaussian_filter1d(points, random.uniform(0.5, 0.9), axis=0)
    samples = np.arange(int(length_s * RATE)) * pace
    speech = np.interp(samples, np.arange(len(talk.speech)), talk.speech.astype(np.float64))
    return Talk(talk.id, points, _elsewhere(speech, talks, random), fps)


def _slow(frames: int, sigma: float, random: np.random.Generator) -> np.ndarray:
    course = gaussian_filter1d(random.normal(size=frames + 200), sigma)[:frames]
    return np.asarray(course / (course.std() + 1e-9))


def _elsewhere(speech: np.ndarray, talks: list[Talk], random: np.random.Generator) -> np.ndarray:
    """Speech through another microphone, in another room, with noise."""
    gain_db = np.cumsum(random.normal(0, 4, 9)) if random.random() < 0.5 else random.normal(0, 6, 9)
    speech = fftconvolve(speech, firwin2(129, np.linspace(0, 1, 9), 10 ** ((gain_db - gain_db.mean()) / 20)), "same")
    if random.random() < 0.5:
        length = int(random.uniform(0.1, 0.6) * RATE)
        echo = random.normal(size=length) * 10 ** (-3 * np.arange(length) / length)
        echo *= random.uniform(0.05, 0.3) / np.linalg.norm(echo)
        echo[0] += 1
        speech = fftconvolve(speech, echo)[: len(speech)]
    if random.random() < 0.3:
        speech = sosfilt(butter(6, random.uniform(3000, 6000), fs=RATE, output="sos"), speech)
    if random.random() < 0.3:
        speech = sosfilt(butter(2, random.uniform(80, 300), "high", fs=RATE, output="sos"), speech)
    if random.random() < 0.5:
        noise = random.normal(size=len(speech))
    else:
        babble = [talks[place].speech for place in random.integers(0, len(talks), 5)]
        noise = np.sum(
            [np.roll(np.resize(voice, len(speech)), random.integers(len(speech))) for voice in babble], axis=0
        )
    below_db = random.choice([10, 15, 20, 30, 40])
    return speech + noise * 10 ** (-below_db / 20) * np.linalg.norm(speech) / max(np.linalg.norm(noise), 1e-9)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--out", type=Path, default=FILE)
    parser.add_argument("--without", default="", help="a speaker who is not learned from")
    asked = parser.parse_args()
    save_file(fit([talk for talk in read(asked.clips) if talk.speaker != asked.without]), asked.out)
    print(f"{asked.out}: {asked.out.stat().st_size} bytes")
