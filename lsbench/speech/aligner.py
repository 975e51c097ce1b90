"""When each phone of a transcript is said: aligned to the sound by PocketSphinx, and kept on disk."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from lsbench.errors import MetricError
from lsbench.speech.spelling import spelled
from lsbench.speech.transcript import Timed, Transcript
from lsbench.system import arrays
from lsbench.system.cache import cache_dir

EXTRA = "visemes"  # of lsbench, that brings PocketSphinx
REVISION = 1  # of how sound is aligned
RATE_HZ, FRAME_S = 16000, 0.01
PAD_S = 0.2  # of quiet before and after the sound
LEVEL, NOISE = 0.05, 5e-4  # of full scale: to which the sound is brought, and of the noise that is added (40 dB below)
TRIES = 4  # with other noise, where the search finds no way through
SILENT_PEAK = 1e-3  # of full scale, -60 dB
CLOSE_S = 0.15  # a given time of a word counts where the heard one is nearer than that
SHIFT_S = 0.03  # from which on given times are all shifted as the heard ones are
BRITISH = {"z": "Z EH D", "r": "AA", "h": "HH EY CH"}  # beside what the dictionary has

HEARD, UNSAID, SILENT, LOST = range(4)  # outcomes


@dataclass(frozen=True)
class Alignment:
    """The phones of a clip.

    Attributes:
        phones: with their times, silence left out; none unless the outcome is HEARD.
        outcome: HEARD; UNSAID: there is no transcript; SILENT: no sound above -60 dB; LOST: no way through the sound.
        spelled: words whose phones were guessed from their letters.
        far: words whose given times lie further than 0.15 s from where they are heard, so that they do not count.
        words: how many there are.
        of_word: of each phone, the place of its word; none where the phones were given.
    """

    phones: tuple[Timed, ...] = ()
    outcome: int = HEARD
    spelled: int = 0
    far: int = 0
    words: int = 0
    of_word: tuple[int, ...] = ()

    def word_times(self) -> np.ndarray:
        """Start and end of each word, seconds: float64 (words, 2), NaN where its phones are not known."""
        times = np.full((self.words, 2), math.nan)
        for phone, word in zip(self.phones, self.of_word, strict=False):
            times[word] = np.fmin(times[word, 0], phone.start_s), np.fmax(times[word, 1], phone.end_s)
        return times


def align(speech: np.ndarray, sample_rate: int, said: Transcript | None) -> Alignment:
    """The phones of a transcript where they are said in a sound.

    Phones that were given with their times are taken as they are. Else words are aligned: where they were given with
    times, and these fit what is heard, their phones are moved into those times.

    Args:
        speech: float (N,) mono in [-1, 1].
        sample_rate: Hz.
        said: what it says; None where nobody knows.

    Returns:
        The alignment, from the cache where it is there.

    Raises:
        MetricError: where PocketSphinx is not installed.
    """
    if said is None:
        return Alignment(outcome=UNSAID)
    if said.phones:
        return Alignment(said.phones, words=len(said.words))
    if not np.abs(speech).max(initial=0) >= SILENT_PEAK:
        return Alignment(outcome=SILENT, words=len(said.words))
    heard = _kept(speech, sample_rate, said.words)
    if heard is None:
        return Alignment(outcome=LOST, words=len(said.words))
    return _anchored(heard, said)


@dataclass(frozen=True)
class _Heard:
    """Phones as they are heard: names; start_s, end_s, float64; of_word, int, place of the word. spelled: see above."""

    names: list[str]
    times: np.ndarray  # (phones, 2)
    of_word: np.ndarray
    spelled: int


def _anchored(heard: _Heard, said: Transcript) -> Alignment:
    """The phones as they are heard, moved into the given times of their words where these fit."""
    times, far = heard.times.copy(), 0
    if said.times:
        places = [np.flatnonzero(heard.of_word == word) for word in range(len(said.words))]
        own = np.array([(heard.times[each[0], 0], heard.times[each[-1], 1]) for each in places])
        given = np.array([(each.start_s, each.end_s) for each in said.times])
        shift = float(np.median(own[:, 0] - given[:, 0]))
        given = given + (shift if abs(shift) > SHIFT_S else 0.0)
        fits = np.abs(own - given) <= CLOSE_S
        far = int(np.count_nonzero(~fits[:, 0]))
        target = np.where(fits, given, own)
        for each, (start_s, end_s), (new_start_s, new_end_s) in zip(places, own, target, strict=True):
            if new_end_s - new_start_s >= FRAME_S:
                times[each] = new_start_s + (times[each] - start_s) * (new_end_s - new_start_s) / (end_s - start_s)
    phones = tuple(Timed(name, start, end) for name, (start, end) in zip(heard.names, times.tolist(), strict=True))
    return Alignment(phones, HEARD, heard.spelled, far, len(said.words), tuple(heard.of_word.tolist()))


def _kept(speech: np.ndarray, sample_rate: int, words: tuple[str, ...]) -> _Heard | None:
    """The alignment of words, from the cache where it is there; None where there is no way through the sound."""
    samples = np.ascontiguousarray(speech, np.float32)
    try:
        program = version("pocketsphinx")
    except PackageNotFoundError:
        raise MetricError(f"pocketsphinx is not installed. pip install 'lsbench[{EXTRA}]'") from None
    maker = json.dumps([REVISION, program, sample_rate, words])
    digest = hashlib.sha256(maker.encode() + samples.tobytes()).hexdigest()
    path = cache_dir() / "phones" / digest[:2] / f"{digest}.npz"
    try:
        kept = arrays.read(path)
        names = [str(name) for name in kept["names"]]
        return _Heard(names, kept["times"], kept["of_word"], int(kept["spelled"])) if len(names) else None
    except (OSError, ValueError, KeyError):
        pass
    found = _heard(samples, sample_rate, words)
    columns: dict[str, Any] = {"names": np.array([], "U1"), "times": np.zeros((0, 2)), "of_word": np.zeros(0, int)}
    if found is not None:
        columns = {"names": np.array(found.names), "times": found.times, "of_word": found.of_word}
    with contextlib.suppress(OSError):  # a cache that cannot be written costs time alone
        arrays.write(path, {**columns, "spelled": np.array(found.spelled if found else 0)})
    return found


def _heard(speech: np.ndarray, sample_rate: int, words: tuple[str, ...]) -> _Heard | None:
    """Two passes of PocketSphinx: words, then their phones."""
    decoder = _decoder()
    unknown = [word for word in dict.fromkeys(words) if decoder.lookup_word(word) is None]
    guessed = {word: f"{word}-as-spelled" for word in unknown}
    for word, name in guessed.items():
        if decoder.lookup_word(name) is None:
            decoder.add_word(name, spelled(word), True)
    decoder.set_align_text(" ".join(guessed.get(word, word) for word in words))
    for seed in range(TRIES):
        sound = _prepared(speech, sample_rate, seed)
        try:
            _pass(decoder, sound)
            decoder.set_alignment()
            _pass(decoder, sound)
            return _read(decoder, len(words), sum(word in guessed for word in words))
        except RuntimeError:
            decoder.set_align_text(" ".join(guessed.get(word, word) for word in words))
    return None


def _pass(decoder: Any, sound: bytes) -> None:
    decoder.reinit_feat()  # it would else go on with the mean spectrum of what it heard before
    decoder.start_utt()
    try:
        decoder.process_raw(sound, full_utt=True)
    finally:
        decoder.end_utt()


def _read(decoder: Any, words: int, guessed: int) -> _Heard | None:
    """The phones of the decoder's alignment; None where it holds another number of words."""
    names, times, of_word, place = [], [], [], 0
    for word in decoder.get_alignment():
        if word.name.startswith(("<", "[", "+")):  # silence and noise
            continue
        for phone in word:
            names.append(str(phone.name))
            times.append((phone.start * FRAME_S - PAD_S, (phone.start + phone.duration) * FRAME_S - PAD_S))
            of_word.append(place)
        place += 1
    return _Heard(names, np.array(times), np.array(of_word), guessed) if place == words else None


def _prepared(speech: np.ndarray, sample_rate: int, seed: int) -> bytes:
    """Sound as PocketSphinx hears it: 16 kHz, 16 bits, of one level whatever it had, with quiet noise added."""
    sound = speech.astype(np.float64)
    if sample_rate != RATE_HZ:
        import soxr

        sound = soxr.resample(sound, sample_rate, RATE_HZ, "HQ")
    sound *= LEVEL / math.sqrt(np.mean(sound**2))
    sound = np.pad(sound, round(PAD_S * RATE_HZ))
    sound += np.random.default_rng(seed).normal(0, NOISE, len(sound))
    pcm: bytes = np.rint(np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()
    return pcm


@cache
def _decoder() -> Any:
    """One of each process; what it is given to hear leaves no trace in it."""
    from pocketsphinx import Decoder, get_model_path

    model = get_model_path()
    decoder = Decoder(
        hmm=f"{model}/en-us/en-us", dict=f"{model}/en-us/cmudict-en-us.dict", lm=None, cmn="batch", loglevel="FATAL"
    )
    for letter, phones in BRITISH.items():
        decoder.add_word(f"{letter}(9)", phones, True)
    return decoder
