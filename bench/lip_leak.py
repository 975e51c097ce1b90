"""How fast lips seem to move that rest, and do that speak: `python bench/lip_leak.py CLIPS [--without SPEAKER]...`.

CLIPS is a folder of clips with .align files beside them, as GRID has them: SPEAKER/CLIP.*. Speeds are those that
lip_leak compares with its threshold, in inter-ocular distances a second. Printed, of faces that rest (one frame of
every sixth clip, repeated for the length of a clip, under noise and after H.264): the speed that half, 99 % and all of
the frames have at most; of real clips: the share of frames above several thresholds, marked silent and within words.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from lsbench.face.tracker import FaceTracker
from lsbench.media.clip import Clip
from lsbench.media.files import find_clips, read_clip
from lsbench.media.recode import recoded
from lsbench.metrics._base.landmarks import aperture, tracked_landmarks
from lsbench.networks import weights

FRAME, WIDTH = 20, 5  # the frame that is repeated; frames of 0.2 s, at 25 a second
NOISE_LEVELS, QUALITIES = (0, 2, 7), (None, 18, 28, 35)
THRESHOLDS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4)


def speeds(clip: Clip, tracker: FaceTracker) -> np.ndarray:
    opening = aperture(tracked_landmarks(tracker.measure(clip)))
    ranges = np.ptp(np.lib.stride_tricks.sliding_window_view(opening, WIDTH), axis=1)
    first = np.clip(np.arange(len(opening)) - WIDTH // 2, 0, len(ranges) - 1)
    speed: np.ndarray = ranges[first] * clip.fps / (WIDTH - 1)
    return speed


def rested(clip: Clip, levels: int, quality: int | None, random: np.random.Generator) -> Clip:
    frames = np.repeat(clip.frames[FRAME : FRAME + 1], len(clip), axis=0)
    noisy = np.rint(frames + random.normal(0, levels, frames.shape)).clip(0, 255).astype(np.uint8)
    return replace(clip, frames=noisy if quality is None else recoded(noisy, clip.fps, quality))


def marked_silent(path: Path, frames: int) -> np.ndarray:
    silent = np.zeros(frames, bool)
    for line in path.with_suffix(".align").read_text().splitlines():
        start, stop, word = line.split()
        silent[round(int(start) / 1000) : round(int(stop) / 1000)] = word in ("sil", "sp")
    return silent


def main(folder: Path, without: list[str]) -> None:
    tracker, random = FaceTracker(*weights.require("face_landmarker")), np.random.default_rng(0)
    clips = list(find_clips(folder).items())
    still = [read_clip(path, clip_id) for clip_id, path in clips[::6]]
    print(f"faces of {len(still)} clips that rest\nnoise  crf   half    99 %    all")
    for levels in NOISE_LEVELS:
        for quality in QUALITIES:
            found = np.concatenate([speeds(rested(clip, levels, quality, random), tracker) for clip in still])
            half, most, worst = np.percentile(found, [50, 99, 100])
            print(f"{levels:>5} {quality or '-':>4} {half:>6.3f} {most:>7.3f} {worst:>6.3f}", flush=True)
    own, silent = [], []
    for clip_id, path in clips:
        if clip_id.split("/")[0] not in without:
            clip = read_clip(path, clip_id)
            own.append(speeds(clip, tracker))
            silent.append(marked_silent(path, len(clip)))
    moving, marked = np.concatenate(own), np.concatenate(silent)
    print(f"\n{len(own)} real clips\nabove  marked silent  within words")
    for threshold in THRESHOLDS:
        print(
            f"{threshold:>5} {np.mean(moving[marked] > threshold):>14.1%} {np.mean(moving[~marked] > threshold):>13.1%}"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--without", action="append", default=[], metavar="SPEAKER")
    arguments = parser.parse_args()
    main(arguments.clips, arguments.without)
