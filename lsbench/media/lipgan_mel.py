"""The mel spectrogram that LipGAN and its kin hear: 80 bands, 80 steps a second."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from threadpoolctl import threadpool_limits

from lsbench.errors import MediaError

SAMPLE_RATE = 16000  # Hz
PRE_EMPHASIS = 0.97
WINDOW = 800  # samples of the Hann window, and the length of the transform
HOP = 200  # samples: 12.5 ms, 80 steps a second
BANDS = 80
LOW_HZ, HIGH_HZ = 55, 7600
REFERENCE_DB = 20
FLOOR_DB = -100
LIMIT = 4.0
# What a shard says of its mels.
SETTINGS = {
    "sample_rate": SAMPLE_RATE,
    "pre_emphasis": PRE_EMPHASIS,
    "window": WINDOW,
    "hop": HOP,
    "bands": BANDS,
    "low_hz": LOW_HZ,
    "high_hz": HIGH_HZ,
    "reference_db": REFERENCE_DB,
    "floor_db": FLOOR_DB,
    "limit": LIMIT,
    "padding": "reflect",
}


def lipgan_mel(speech: np.ndarray, sample_rate: int) -> np.ndarray:
    """Log-mel spectrogram of speech, float32 (N,) mono in [-1, 1] at 16 kHz: float32 (1 + N // 200, 80) in [-4, 4].

    Step i is centred on sample 200 i. Speech e is pre-emphasised, e[n] - 0.97 e[n - 1]; S is the mel-weighted magnitude
    of its transform (librosa's mel filters, Slaney's scale and norm, 55 to 7600 Hz); then
    clip(8 (20 log10(max(1e-5, S)) - 20 + 100) / 100 - 4, -4, 4). The ends are reflected, as librosa did when LipGAN was
    made. Source: LipGAN (KR et al., ACM MM 2019), whose settings Wav2Lip took over.
    """
    if sample_rate != SAMPLE_RATE:
        raise MediaError(f"speech has {sample_rate} samples a second; expected {SAMPLE_RATE}. Resample it first")
    if speech.dtype.kind != "f" or speech.ndim != 1 or len(speech) <= WINDOW // 2 or not np.isfinite(speech).all():
        raise MediaError(
            f"speech is {speech.dtype} {speech.shape}; expected more than {WINDOW // 2} finite floats, (samples,)"
        )
    import librosa

    emphasised = speech.astype(np.float32)
    emphasised[1:] -= np.float32(PRE_EMPHASIS) * speech[:-1].astype(np.float32)
    spectrum = librosa.stft(emphasised, n_fft=WINDOW, hop_length=HOP, pad_mode="reflect")
    with threadpool_limits(1, "blas"):  # the same bits for any number of threads
        mel = _filters() @ np.abs(spectrum)
    decibels = 20 * np.log10(np.maximum(10 ** (FLOOR_DB / 20), mel)) - REFERENCE_DB
    scaled = 2 * LIMIT * (decibels - FLOOR_DB) / -FLOOR_DB - LIMIT
    return np.ascontiguousarray(np.clip(scaled, -LIMIT, LIMIT).T, dtype=np.float32)


@lru_cache(maxsize=1)
def _filters() -> np.ndarray:
    import librosa

    return librosa.filters.mel(sr=SAMPLE_RATE, n_fft=WINDOW, n_mels=BANDS, fmin=LOW_HZ, fmax=HIGH_HZ)
