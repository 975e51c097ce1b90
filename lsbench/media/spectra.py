"""What networks and regressions hear: sound samples to spectral features."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.fft import dct

from lsbench.errors import MediaError

MFCC_STEP_S = 0.01  # seconds from one MFCC frame to the next
MFCC_WINDOW_S = 0.025
MFCC_CEPSTRA = 13
_MFCC_BANDS = 26
_WINDOWS_AT_ONCE = 1024  # of log_mel: bounds memory for sound of minutes
_PRE_EMPHASIS = 0.97
_LIFTER = 22
_EPS = np.finfo(np.float64).eps

LOG_MEL_BANDS = 40
LOG_MEL_WINDOW_S = 0.05
LOG_MEL_FLOOR = 1e-6  # 60 dB below the loudest
_LOW_HZ, _HIGH_HZ = 55, 7600


def pcm16(speech: np.ndarray) -> np.ndarray:
    """Speech, float (N,) in [-1, 1], as a 16-bit file holds it: int16 (N,)."""
    if speech.dtype.kind != "f" or speech.ndim != 1 or not np.isfinite(speech).all():
        raise MediaError(f"speech is {speech.dtype} {speech.shape}; expected finite floats, (samples,)")
    return np.clip(np.rint(speech.astype(np.float64) * 32768), -32768, 32767).astype(np.int16)


def mfcc(samples: np.ndarray, sample_rate: int = 16000) -> np.ndarray:
    """Mel-frequency cepstral coefficients of int16 (N,) mono sound: float64 (F, 13), a frame every 10 ms.

    F = 1 + ceil((N - W) / S), W and S the samples of 25 and 10 ms, and at least 1; the last frame is filled with zeros.
    Pre-emphasis e[n] = x[n] - 0.97 x[n - 1]; power spectrum of each frame without a window, |rfft(e, M)|^2 / M with M
    the next power of two; 26 triangular bands evenly spaced in mel = 2595 log10(1 + Hz / 700) from 0 to half the sample
    rate, their corners rounded down to bins; log; orthonormal DCT-II; coefficient n times 1 + 11 sin(pi n / 22);
    coefficient 0 replaced by the log of the frame's energy. Zeros count as the float64 epsilon in both logs. Within
    1e-8 of mfcc() of python_speech_features 0.6 at its defaults.
    """
    if samples.dtype != np.int16 or samples.ndim != 1 or not len(samples):
        raise MediaError(f"MFCC: samples are {samples.dtype} {samples.shape}; expected int16 (samples,), not empty")
    width, step = (int(seconds * sample_rate + 0.5) for seconds in (MFCC_WINDOW_S, MFCC_STEP_S))
    count = 1 + max(0, -(-(len(samples) - width) // step))
    emphasised = np.zeros((count - 1) * step + width)
    emphasised[: len(samples)] = samples
    emphasised[1 : len(samples)] -= _PRE_EMPHASIS * samples[:-1]
    frames = np.lib.stride_tricks.sliding_window_view(emphasised, width)[::step]
    bins = 1 << (width - 1).bit_length()
    power = np.square(np.abs(np.fft.rfft(frames, bins))) / bins
    energy, bands = power.sum(axis=1), power @ _mel_bands(sample_rate, bins)
    cepstra = dct(np.log(np.where(bands == 0, _EPS, bands)), norm="ortho")[:, :MFCC_CEPSTRA]
    cepstra *= 1 + _LIFTER / 2 * np.sin(np.pi * np.arange(MFCC_CEPSTRA) / _LIFTER)
    cepstra[:, 0] = np.log(np.where(energy == 0, _EPS, energy))
    return np.asarray(cepstra)


def log_mel(speech: np.ndarray, times_s: np.ndarray, sample_rate: int = 16000) -> np.ndarray:
    """What is heard at given instants: speech float (N,), times in seconds of any shape S -> float64 (*S, 40).

    The natural log of the power in 40 mel bands (Slaney's scale, peak weight 1, 55 to 7600 Hz) of a 50 ms Hann window
    centred on the instant, over the largest such power at any of the instants; at least log(1e-6). Pre-emphasis as in
    mfcc(). Where a window would reach beyond the speech, the first or the last whole window stands in. Speech that is
    silent, or shorter than a window, is at the floor throughout.
    """
    if speech.dtype.kind != "f" or speech.ndim != 1 or not np.isfinite(speech).all():
        raise MediaError(f"log mel: speech is {speech.dtype} {speech.shape}; expected finite floats, (samples,)")
    width = round(LOG_MEL_WINDOW_S * sample_rate)
    silent = np.full((*np.shape(times_s), LOG_MEL_BANDS), np.log(LOG_MEL_FLOOR))
    if len(speech) < width:
        return silent
    starts = np.rint(np.asarray(times_s) * sample_rate).astype(np.int64) - width // 2
    starts, which = np.unique(np.clip(starts, 0, len(speech) - width), return_inverse=True)
    taper, bins = np.hanning(width + 1)[:-1], 1 << (width - 1).bit_length()
    bands, power = _log_mel_bands(sample_rate, bins), np.empty((len(starts), LOG_MEL_BANDS))
    for first in range(0, len(starts), _WINDOWS_AT_ONCE):
        part = slice(first, first + _WINDOWS_AT_ONCE)
        spectra = np.square(np.abs(np.fft.rfft(_emphasised(speech, starts[part], width) * taper, bins)))
        # einsum, for a product whose bits do not depend on the number of threads
        power[part] = np.einsum("tf,bf->tb", spectra, bands)
    if not power.max() > 0:
        return silent
    levels = np.log(np.maximum(power / power.max(), LOG_MEL_FLOOR))
    return np.asarray(levels[which.reshape(np.shape(times_s))])


def _emphasised(speech: np.ndarray, starts: np.ndarray, width: int) -> np.ndarray:
    """Windows of the speech after pre-emphasis: float64 (n, width), from rising starts (n,)."""
    first = int(starts[0])
    around = speech[max(0, first - 1) : int(starts[-1]) + width].astype(np.float64)
    emphasised = around[first > 0 :].copy()
    emphasised[first == 0 :] -= _PRE_EMPHASIS * around[:-1]
    windows: np.ndarray = np.lib.stride_tricks.sliding_window_view(emphasised, width)[starts - first]
    return windows


@lru_cache(maxsize=4)
def _mel_bands(sample_rate: int, bins: int) -> np.ndarray:
    """Weights of the MFCC bands, float64 (bins // 2 + 1, 26): triangles over whole bins."""
    top = 2595 * np.log10(1 + sample_rate / 2 / 700)
    hertz = 700 * (10 ** (np.linspace(0, top, _MFCC_BANDS + 2) / 2595) - 1)
    low, peak, high = (np.floor((bins + 1) * hertz / sample_rate)[i : _MFCC_BANDS + i] for i in range(3))
    bin_index = np.arange(bins // 2 + 1)[:, None]
    rising, falling = (bin_index - low) / np.maximum(peak - low, 1), (high - bin_index) / np.maximum(high - peak, 1)
    return np.where(
        (low <= bin_index) & (bin_index < peak), rising, np.where((peak <= bin_index) & (bin_index < high), falling, 0)
    )


@lru_cache(maxsize=4)
def _log_mel_bands(sample_rate: int, bins: int) -> np.ndarray:
    """Weights of log_mel()'s bands, float64 (40, bins // 2 + 1)."""
    from librosa import mel_frequencies  # filters.mel(norm=None) compiles for half a minute where it is first called

    edges = mel_frequencies(LOG_MEL_BANDS + 2, fmin=_LOW_HZ, fmax=min(_HIGH_HZ, sample_rate / 2))[:, None]
    low, peak, high, hertz = edges[:-2], edges[1:-1], edges[2:], np.fft.rfftfreq(bins, 1 / sample_rate)
    return np.asarray(np.maximum(0, np.minimum((hertz - low) / (peak - low), (high - hertz) / (high - peak))))
