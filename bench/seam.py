"""The seam metric on real clips with edges of known strength, one clip a speaker: `python bench/seam.py CLIPS`.

CLIPS is a folder of talking-face clips, SPEAKER/CLIP.*; faces are found with the face landmarker. A column is a clip, a
line what was done to it: a step of so many levels in the box, plain, encoded or under noise; a step of 16 levels with
feathered sides; the box pasted back some pixels off; changes that leave no box. `known`: around the box as it was
pasted. `found`: around the box that lsbench finds by itself. `rank` is Spearman's correlation of the reading with the
strength of the step, below 1 where two strengths read the same.
"""

from __future__ import annotations

import argparse
import tempfile
from itertools import groupby
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from lsbench.face.track import FaceTrack, Region
from lsbench.face.tracker import FaceTracker, fill_gaps
from lsbench.media.clip import Clip
from lsbench.media.files import content_sha256, find_clips, read_clip, write_clip
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics.seam import Seam, seam
from lsbench.networks import weights

STEPS = (0, 1, 2, 4, 8, 16)  # levels
FEATHERS = (2, 4, 8, 16)  # px, with a step of 16 levels
SHIFTS = (1, 2, 3)  # px


def levels(values: np.ndarray) -> np.ndarray:
    """Rounded to 8-bit levels, ends clipped."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def stepped(frames: np.ndarray, boxes: np.ndarray, step: float, feather: int = 0) -> np.ndarray:
    """Frames with `step` levels more in the boxes, rising over `feather` px from the sides inwards."""
    out = frames.copy()
    for frame, (x0, y0, x1, y1) in zip(out, boxes, strict=True):
        rows, columns = (np.minimum(np.arange(n) + 0.5, np.arange(n)[::-1] + 0.5) for n in (y1 - y0, x1 - x0))
        opacity = np.clip(np.minimum.outer(rows, columns) / feather, 0, 1) if feather else np.ones((y1 - y0, x1 - x0))
        frame[y0:y1, x0:x1] = levels(frame[y0:y1, x0:x1] + step * opacity[..., None])
    return out


def misplaced(frames: np.ndarray, boxes: np.ndarray, shift: int) -> np.ndarray:
    """Frames whose boxes hold what lies `shift` px up and to the left."""
    out, moved = frames.copy(), np.roll(frames, (shift, shift), (1, 2))
    for frame, source, (x0, y0, x1, y1) in zip(out, moved, boxes, strict=True):
        frame[y0:y1, x0:x1] = source[y0:y1, x0:x1]
    return out


def noisy(frames: np.ndarray, sigma: float) -> np.ndarray:
    return levels(frames + np.random.default_rng(0).normal(0, sigma, frames.shape))


def encoded(frames: np.ndarray, crf: int) -> np.ndarray:
    """Frames after H.264."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "encoded.mp4"
        write_clip(path, frames, np.empty(0, np.float32), 25, crf=crf)
        return read_clip(path, "encoded", sound="optional").frames


def lower_face(track: FaceTrack) -> np.ndarray:
    """The lower half of the face boxes, which lip-sync generators paint."""
    boxes = track.box(Region.FACE)
    boxes[:, 1] += (boxes[:, 3] - boxes[:, 1]) // 2
    return boxes


def found(reference: np.ndarray, generated: np.ndarray) -> float:
    sound = np.empty(0, np.float32)
    metric = Seam()
    clips = [Clip("clip", frames, sound, 25) for frames in (reference, generated)]
    return metric.compute(metric.measure(ClipPair(clips[0], clips[1])))


def read(title: str, reference: np.ndarray, boxes: np.ndarray) -> dict[str, tuple[float, float]]:
    """(known, found) for everything done to one clip."""
    made = {f"{title} {step}": stepped(reference, boxes, step) for step in STEPS}
    made |= {f"{title} {step} crf{crf}": encoded(made[f"{title} {step}"], crf) for crf in (12, 23) for step in STEPS}
    made |= {f"{title} 4 noise7": noisy(made[f"{title} 4"], 7)}
    made |= {f"feather {width}": stepped(reference, boxes, 16, width) for width in FEATHERS}
    made |= {f"shift {shift}": misplaced(reference, boxes, shift) for shift in SHIFTS}
    made |= {f"noise {sigma}": noisy(reference, sigma) for sigma in (2, 4, 7)}
    made |= {"bright 10": levels(reference + 10.0), "dark 10": levels(reference - 10.0)}
    made |= {f"both crf{crf}": noisy(encoded(levels(reference + 10.0), crf), 2) for crf in (12, 23)}
    return {name: (seam(reference, frames, boxes), found(reference, frames)) for name, frames in made.items()}


def rank(readings: dict[str, tuple[float, float]], which: int, coding: str) -> float:
    """Spearman's correlation of reading and strength."""
    return float(spearmanr(STEPS, [readings[f"step {step}{coding}"][which] for step in STEPS]).statistic)


def main(folder: Path, frames: int) -> None:
    """Read one clip of each speaker and print the tables."""
    tracker = FaceTracker(*weights.require("face_landmarker"))
    clips = groupby(find_clips(folder).items(), key=lambda item: item[0].split("/")[0])
    chosen = [next(members) for _, members in clips]
    tables: dict[str, dict[str, dict[str, tuple[float, float]]]] = {"mouth": {}, "lower face": {}}
    for clip_id, path in chosen:
        clip = read_clip(path, clip_id)
        track = fill_gaps(tracker.measure_cached(clip, content_sha256(path)), clip_id)
        for name, boxes in (("mouth", track.box(Region.MOUTH)), ("lower face", lower_face(track))):
            tables[name][clip_id] = read("step", clip.frames[:frames], boxes[:frames])
    for name, table in tables.items():
        for which, kind in enumerate(("known", "found")):
            print(f"\n{name} box, {kind}: 8-bit levels over {frames} frames; columns are clips")
            print(f"{'':<16}" + "".join(f"{clip_id:>11}" for clip_id in table))
            for row in next(iter(table.values())):
                print(f"{row:<16}" + "".join(f"{readings[row][which]:>11.2f}" for readings in table.values()))
            for coding in ("", " crf12", " crf23"):
                ranks = "".join(f"{rank(readings, which, coding):>11.2f}" for readings in table.values())
                print(f"{f'rank{coding}':<16}" + ranks)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--frames", type=int, default=25)
    arguments = parser.parse_args()
    main(arguments.clips, arguments.frames)
