"""Silence found in noise, by level and by Silero's network: `python bench/silence.py CLIPS [--without SPEAKER]...`.

CLIPS is a folder of clips with .align files beside them, as GRID has them: SPEAKER/CLIP.*. To each clip's sound noise
is added, so many dB below its power within words: white; babble, six clips of other speakers, equally loud and turned
round by a chance number of samples; tones, a chord of three notes with six harmonics each, struck anew every quarter
second. Printed: the share of the frames marked silent that are found, and the share of the frames more than two frames
inside of words that are called silent; and how long ten minutes of sound take.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from lsbench.media.files import find_clips, read_clip
from lsbench.metrics.silence import silent_frames
from lsbench.networks import silero, weights

NOISES, SNR_DB = ("white", "babble", "tones"), (20, 10, 5, 0)
VOICES = 6  # in babble
RATE = 16000


@dataclass(frozen=True)
class Marked:
    """The sound of a clip and its marks: silent, frames marked so; inside, those two frames within words."""

    speaker: str
    speech: np.ndarray
    silent: np.ndarray
    inside: np.ndarray
    spoken: np.ndarray
    fps: float


def read(clip_id: str, path: Path) -> Marked:
    clip = read_clip(path, clip_id)
    silent = np.zeros(len(clip), bool)
    for line in path.with_suffix(".align").read_text().splitlines():
        start, stop, word = line.split()
        silent[round(int(start) / 1000) : round(int(stop) / 1000)] = word in ("sil", "sp")
    inside = ~np.convolve(silent, np.ones(5), "same").astype(bool)
    spoken = np.repeat(~silent, round(RATE / clip.fps))[: len(clip.speech)]
    spoken = np.pad(spoken, (0, len(clip.speech) - len(spoken)))
    return Marked(clip_id.split("/")[0], clip.speech.astype(np.float64), silent, inside, spoken, clip.fps)


def tones(samples: int, random: np.random.Generator) -> np.ndarray:
    sound = np.zeros(samples)
    for start in range(0, samples, RATE // 4):
        chord = sound[start : start + RATE // 4]
        since = np.arange(len(chord)) / RATE
        root = 220 * 2 ** (random.integers(12) / 12)
        for note, harmonic in product((1, 5 / 4, 3 / 2), range(1, 7)):
            chord += np.sin(2 * np.pi * root * note * harmonic * since) / harmonic * np.exp(-2 * since)
    return sound


def noise(kind: str, clip: Marked, clips: list[Marked], random: np.random.Generator) -> np.ndarray:
    if kind == "white":
        return random.standard_normal(len(clip.speech))
    if kind == "tones":
        return tones(len(clip.speech), random)
    others = [other.speech for other in clips if other.speaker != clip.speaker]
    chosen = [others[place] for place in random.choice(len(others), VOICES, replace=False)]
    turned = [np.roll(np.resize(other, len(clip.speech)), random.integers(len(other))) for other in chosen]
    return np.sum([other / np.sqrt(np.mean(other**2)) for other in turned], axis=0)


def main(folder: Path, without: list[str]) -> None:
    network = silero.load(weights.require("silero_vad")[0])
    clips = [read(clip_id, path) for clip_id, path in find_clips(folder).items()]
    scored = [clip for clip in clips if clip.speaker not in without]
    left_out = f", without {', '.join(without)}" if without else ""
    print(f"{len(scored)} clips of {len({clip.speaker for clip in scored})} speakers{left_out}\n")
    print("noise    dB   level: found  within words   silero: found  within words")
    random = np.random.default_rng(0)
    for kind, snr in (("none", 0), *product(NOISES, SNR_DB)):
        counts = np.zeros((2, 2, 2))
        for clip in scored:
            heard = clip.speech
            if kind != "none":
                added = noise(kind, clip, clips, random)
                wanted = np.mean(clip.speech[clip.spoken] ** 2) / 10 ** (snr / 10)
                heard = heard + added * np.sqrt(wanted / np.mean(added**2))
            for place, hears in enumerate((None, network)):
                found = silent_frames(heard, len(clip.silent), fps=clip.fps, network=hears)
                for column, marked in enumerate((clip.silent, clip.inside)):
                    counts[place, column] += found[marked].sum(), marked.sum()
        level, by_network = counts[..., 0] / counts[..., 1]
        print(
            f"{kind:<7} {snr if kind != 'none' else '':>3} {level[0]:>14.1%} {level[1]:>13.1%} "
            f"{by_network[0]:>15.1%} {by_network[1]:>13.1%}"
        )
    sound = np.resize(np.concatenate([clip.speech for clip in clips]), 600 * RATE).astype(np.float32)
    for name, hears in (("level", None), ("silero", network)):
        began = time.perf_counter()
        silent_frames(sound, 15000, fps=25, network=hears)
        print(f"{'' if hears else chr(10)}ten minutes of sound by {name}: {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--without", action="append", default=[], metavar="SPEAKER")
    arguments = parser.parse_args()
    main(arguments.clips, arguments.without)
