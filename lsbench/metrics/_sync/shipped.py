"""The sync model that comes with lsbench: a linear one from speech to mouth, fitted on GRID, for any clip and rate.

Speech and mouth are brought to 50 steps a second before they meet, so that neither the frame rate nor the tracker's
jitter decides. bench/sync_model.py makes the file of weights.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np

from lsbench.media.spectra import LOG_MEL_BANDS, log_mel
from lsbench.metrics._base.learner import Model
from lsbench.metrics._sync.mouth_signals import SLOW_S, mouth_shapes, slow_course

FILE = Path(__file__).with_name("shipped_model.safetensors")
RATE = 50  # steps a second
TAPS = np.arange(-8, 9, 2)  # steps from a step's own at which its speech is heard: +-160 ms
BANDS = LOG_MEL_BANDS // 2
FEATURES = len(TAPS) * BANDS
SMOOTH_S = 0.03  # standard deviation of the Gaussian that brings frames to steps; 0.4 frames where that is more
LEVEL = 0.3  # is added to a band's deviation (of the natural log of power), so that a still band is not blown up


@cache
def shipped_model() -> Model:
    """weights float64 (180, 6); spread (6,), the mean over its clips of each signal's deviation; clips, their number.

    What it adds to those names is as in sync_ridge.SyncRidge.solve().
    """
    from safetensors.numpy import load_file

    values = load_file(FILE)
    return {name: values[name].astype(np.float64) for name in sorted(values)}


@cache
def shipped_digest() -> str:
    """The start of the sha256 of the file of weights."""
    return hashlib.sha256(FILE.read_bytes()).hexdigest()[:8]


def steps(frames: int, fps: float) -> int:
    """How many steps so many frames take."""
    return round(frames / fps * RATE)


def heard(speech: np.ndarray, count: int, sample_rate: int) -> np.ndarray:
    """Speech around each of the first steps: float64 (count, 180), each column with mean 0.

    20 log-mel bands (pairs of those of log_mel()) at 9 instants; each band less its mean over the clip, and over its
    standard deviation there plus LEVEL: microphone, room and noise change means and deviations, hardly the rest.
    """
    reach = int(TAPS.max())
    levels = log_mel(speech, np.arange(-reach, count + reach) / RATE, sample_rate)
    levels = levels.reshape(len(levels), BANDS, -1).mean(axis=2)
    levels = (levels - levels.mean(axis=0)) / (levels.std(axis=0) + LEVEL)
    around = np.concatenate([levels[reach + tap : reach + tap + count] for tap in TAPS], axis=1)
    centred: np.ndarray = around - around.mean(axis=0)
    return centred


def mouth_course(landmarks: np.ndarray, fps: float) -> np.ndarray:
    """The six signals of mouth_signals() at 50 steps a second: landmarks float (T, 80, 2) -> float64 (steps, 6).

    Each step is the mean of the frames around it, weighted by a Gaussian of SMOOTH_S; NaN where less than half of the
    weight lies on frames that show a face.
    """
    shapes = _at_steps(mouth_shapes(landmarks), fps)
    rates = np.gradient(shapes, 1 / RATE, axis=0) if len(shapes) > 1 else np.full_like(shapes, np.nan)
    return np.concatenate([shapes - slow_course(shapes, SLOW_S * RATE), rates], axis=1)


def expected_course(model: Model, speech: np.ndarray, count: int, sample_rate: int) -> np.ndarray:
    """The motion that speech suggests for each step, in standard deviations: float64 (count, 6)."""
    course: np.ndarray = np.einsum("tx,xy->ty", heard(speech, count, sample_rate), model["weights"])
    return course


def _at_steps(values: np.ndarray, fps: float) -> np.ndarray:
    """Values of frames (T, n), NaN where unknown, as weighted means around each step: float64 (steps, n)."""
    spread = max(SMOOTH_S, 0.4 / fps)
    reach = int(np.ceil(3 * spread * fps))
    at = np.arange(steps(len(values), fps)) * fps / RATE  # in frames
    near = np.rint(at).astype(np.int64)[:, None] + np.arange(-reach, reach + 1)
    weight = np.exp(-0.5 * ((near - at[:, None]) / fps / spread) ** 2)
    inside = (near >= 0) & (near < len(values))
    near = np.clip(near, 0, len(values) - 1)
    known = np.isfinite(values).all(axis=1)
    there, whole = weight * (inside & known[near]), (weight * inside).sum(axis=1)
    total = there.sum(axis=1)
    means = np.einsum("sk,skn->sn", there, np.where(known[:, None], values, 0)[near])
    enough = total > whole / 2
    out = np.full((len(at), values.shape[1]), np.nan)
    out[enough] = means[enough] / total[enough, None]
    return out
