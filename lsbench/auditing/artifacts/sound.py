"""Artifacts of the sound: the pictures stay as they are."""

from __future__ import annotations

import numpy as np

from lsbench.auditing.artifacts.artifact import Artifact, Subject, share_of
from lsbench.media.clip import Clip


def _run(samples: int, share: float, random: np.random.Generator) -> slice:
    """A stretch that makes a share of the samples, somewhere."""
    length = share_of(samples, share)
    start = int(random.integers(0, samples - length + 1))
    return slice(start, start + length)


def _swapped(subject: Subject, strength: float, random: np.random.Generator) -> Clip:
    speech = subject.clip.speech.copy()
    other = np.resize(subject.other, len(speech)) if len(subject.other) else np.zeros_like(speech)
    place = _run(len(speech), strength, random)
    speech[place] = other[place]
    return subject.with_speech(speech)


def _late(subject: Subject, strength: float, random: np.random.Generator) -> Clip:
    speech = subject.clip.speech
    samples = min(len(speech), round(strength / 1000 * subject.clip.sample_rate))
    return subject.with_speech(np.concatenate([np.zeros(samples, np.float32), speech[: len(speech) - samples]]))


def _silent(subject: Subject, strength: float, random: np.random.Generator) -> Clip:
    speech = subject.clip.speech.copy()
    speech[_run(len(speech), strength, random)] = 0
    return subject.with_speech(speech)


def _quieter(subject: Subject, strength: float, random: np.random.Generator) -> Clip:
    return subject.with_speech(subject.clip.speech * np.float32(10 ** (-strength / 20)))


SOUND = (
    Artifact(
        "sound-swapped",
        "sound",
        "a part of the sound is another clip's",
        "of the clip",
        (0.25, 0.5, 1),
        _swapped,
        most=1,
    ),
    Artifact("sound-late", "sound", "the sound is late against the pictures", "ms", (40, 80, 160), _late),
    Artifact("sound-silent", "sound", "a part of the sound is missing", "of the clip", (0.25, 0.5, 1), _silent, most=1),
    Artifact(
        "sound-quieter",
        "sound",
        "the sound is quieter throughout, which is no fault",
        "dB",
        (3, 6, 12),
        _quieter,
        harmless=12,
    ),
)
