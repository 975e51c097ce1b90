"""A phone-like script and the speech it makes: one time axis for the lips and the sound, so that they are in step.

A script is a table of phone targets over time, smoothed by one Gaussian: acoustic and lip targets glide together. Its
time 0 is both the first sample and the instant of frame 0: frame k shows the lips of time k / fps.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.ndimage import gaussian_filter1d

Phone = tuple[float, float, float, float, float, float, float, float]

RATE = 1000  # script rows a second
GLIDE_MS = 28  # standard deviation of the Gaussian that blends neighbouring phones
VOICE, NOISE, NOISE_HZ, OPENING, WIDTH = range(3, 8)  # script columns; columns 0 to 2 are the formants, Hz

# Formants Hz, voiced level, noise level, noise centre Hz, lip opening and lip width. Levels and lips are in 0..1; an
# opening below 0 presses the lips together, so that they meet even between two open vowels.
VOWELS: dict[str, Phone] = {
    "a": (750, 1200, 2500, 1.00, 0.00, 1500, 1.00, 0.55),
    "e": (520, 1850, 2500, 0.80, 0.00, 1500, 0.62, 0.80),
    "i": (290, 2300, 3000, 0.50, 0.00, 1500, 0.36, 1.00),
    "o": (540, 900, 2450, 0.78, 0.00, 1500, 0.68, 0.15),
    "u": (320, 850, 2250, 0.45, 0.00, 1500, 0.30, 0.00),
}
CONSONANTS: dict[str, Phone] = {
    "m": (270, 1100, 2200, 0.16, 0.00, 1500, -0.30, 0.45),
    "b": (250, 900, 2300, 0.05, 0.01, 1500, -0.35, 0.45),
    "f": (400, 1300, 2400, 0.00, 0.05, 4500, 0.06, 0.55),
    "s": (350, 1700, 2600, 0.00, 0.10, 6000, 0.14, 0.75),
    "sh": (350, 1900, 2500, 0.00, 0.12, 3000, 0.18, 0.20),
    "t": (380, 1750, 2650, 0.02, 0.09, 4500, 0.20, 0.60),
    "l": (380, 1250, 2700, 0.35, 0.00, 1500, 0.34, 0.60),
    "n": (280, 1650, 2600, 0.22, 0.00, 1500, 0.22, 0.60),
}
PAUSE: Phone = (450, 1500, 2500, 0.00, 0.00, 1500, -0.20, 0.45)

_BANDS_HZ = np.array([1500.0, 3000.0, 4500.0, 6000.0])  # the noise is a mix of four fixed bands
_BANDWIDTHS_HZ = np.array([80.0, 110.0, 170.0])  # of the three formants
_FLOOR = 1e-3  # noise floor of the recording, relative to the peak: -60 dB


def script(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """A random run of words and pauses: float64 (rows, 8), RATE rows a second, columns as in the phone tables."""
    vowels, consonants = _shuffled(rng, VOWELS), _shuffled(rng, CONSONANTS)
    targets, lengths = [PAUSE], [rng.uniform(0.06, 0.24)]
    while sum(lengths) < seconds + 0.2:
        for _ in range(rng.integers(2, 5)):  # the syllables of a word
            targets += [next(consonants), next(vowels)]
            lengths += [rng.uniform(0.06, 0.10), rng.uniform(0.10, 0.16)]
        if rng.random() < 0.4:
            targets.append(next(consonants))
            lengths.append(rng.uniform(0.06, 0.10))
        targets.append(PAUSE)
        lengths.append(rng.uniform(0.15, 0.40))
    steps = np.repeat(targets, np.rint(np.array(lengths) * RATE).astype(int), axis=0)
    return np.asarray(gaussian_filter1d(steps, GLIDE_MS * RATE / 1000, axis=0, mode="nearest"))


def _shuffled(rng: np.random.Generator, phones: dict[str, Phone]) -> Iterator[Phone]:
    """Phones without end: all of them in random order, then again in another, so that a short script has them all."""
    while True:
        for name in rng.permutation(list(phones)):
            yield phones[name]


def lips(script: np.ndarray, times: np.ndarray) -> tuple[list[float], list[float]]:
    """Lip opening and lip width at the given times, s: two lists of floats in [0, 1]."""
    axis = np.arange(len(script)) / RATE
    opening, width = (np.interp(times, axis, script[:, column]) for column in (OPENING, WIDTH))
    return np.clip(opening, 0, 1).tolist(), np.clip(width, 0, 1).tolist()


def speak(
    script: np.ndarray, rng: np.random.Generator, samples: int, sample_rate: int, pitch_hz: float, tract: float
) -> np.ndarray:
    """The script as sound: float32 (samples,) that peaks at 0.5.

    Voiced parts are harmonics of a gliding pitch under three formants (Klatt 1980's resonance magnitudes on a source
    that falls by 6 dB an octave), fricatives and bursts are band noise. tract: scale of the formants.
    """
    axis, times = np.arange(len(script)) / RATE, np.arange(samples) / sample_rate
    sway = np.sin(2 * np.pi * (np.array([[0.7], [1.9]]) * axis + rng.random((2, 1))))
    pitch = pitch_hz * (1 + 0.07 * sway[0] + 0.04 * sway[1])
    turn = np.exp(2j * np.pi * np.cumsum(np.interp(times, axis, pitch)) / sample_rate)

    number = np.arange(1, int(0.45 * sample_rate / pitch.max()) + 1)
    square = (number[:, None] * pitch) ** 2
    level = 1.0 / number[:, None] * np.ones_like(square)
    for formant, bandwidth in zip(script[:, :3].T * tract, _BANDWIDTHS_HZ, strict=True):
        level *= formant**2 / np.sqrt((square - formant**2) ** 2 + square * bandwidth**2)
    level *= script[:, VOICE] / np.sqrt((level**2).sum(axis=0))

    sound, phasor = np.zeros(samples), np.ones(samples, complex)
    for row in level:
        phasor *= turn
        sound += np.interp(times, axis, row) * phasor.imag

    hiss = np.fft.rfft(rng.standard_normal(samples))
    frequency = np.fft.rfftfreq(samples, 1 / sample_rate)
    mix = np.exp(-(((script[:, NOISE_HZ, None] - _BANDS_HZ) / 1200) ** 2)) * script[:, NOISE, None]
    for centre, gain in zip(_BANDS_HZ, mix.T, strict=True):
        band = np.fft.irfft(hiss * np.exp(-(((frequency - centre) / 900) ** 2)), samples)
        sound += np.interp(times, axis, gain) * band / band.std()

    sound *= 0.5 / max(1.0, np.abs(sound).max())  # a vowel at full level peaks above 1
    sound += 0.5 * _FLOOR * rng.standard_normal(samples)
    return np.clip(sound, -1, 1).astype(np.float32)
