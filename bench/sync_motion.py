"""sync_corr and sync_lag on real clips, leaving one speaker out: `python bench/sync_motion.py CLIPS`.

CLIPS is a folder of clips in sync, SPEAKER/CLIP.*. Every clip is scored by a model of the other speakers,
as `lsbench score` does it. Printed: the share of clips whose lag is found within one frame;
how well the correlation at lag 0 tells a clip's own sound from that of every other clip (area under the ROC curve); the
lag found when the pictures are so many frames late (cut, not held); in how many clips the real video stands above the
same with a still mouth (the stand-in generator's, tracked again), four frames late, and with another clip's sound;
what becomes of it when the model has learned from the first clips of only the next speakers; what it takes.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import rankdata

from lsbench.face.tracker import FaceTracker, fill_gaps
from lsbench.generation import standins
from lsbench.media.files import find_clips, read_clip
from lsbench.media.film import Film
from lsbench.metrics._base.landmarks import tracked_landmarks
from lsbench.metrics._base.learner import Model
from lsbench.metrics._sync.sync_ridge import fit
from lsbench.metrics.sync import measure_sync, sync_corr
from lsbench.networks import weights

FEWER = ((1, 1), (1, 3), (1, 6), (2, 2), (2, 6), (3, 6), (5, 6))  # speakers, clips of each
SHIFTS = (-8, -6, -4, -2, -1, 0, 1, 2, 4, 6, 8)  # frames


@dataclass(frozen=True)
class Talk:
    """One clip without its pictures: landmarks as they are and with a still mouth."""

    speaker: str
    landmarks: np.ndarray
    still: np.ndarray
    speech: np.ndarray
    fps: float
    track_s: float


def read(clip_id: str, path: Path, tracker: FaceTracker) -> Talk:
    clip = read_clip(path, clip_id)
    began = time.perf_counter()
    track = tracker.measure(clip)
    took = time.perf_counter() - began
    still = tracker.measure(standins.still_mouth(Film.of(clip), fill_gaps(track, clip_id)))
    return Talk(clip_id.split("/")[0], tracked_landmarks(track), tracked_landmarks(still), clip.speech, clip.fps, took)


def models(talks: list[Talk], most_speakers: int | None = None, most_clips: int | None = None) -> dict[str, Model]:
    """Speaker -> the model of the others, or of the first clips of only the next ones by name."""
    speakers = sorted({talk.speaker for talk in talks})
    if len(speakers) < 2:
        raise SystemExit(f"{len(speakers)} speaker; expected clips of two or more, SPEAKER/CLIP.*")
    found = {}
    for place, speaker in enumerate(speakers):
        others = (speakers[place + 1 :] + speakers[:place])[:most_speakers]
        clips = {name: [(t.landmarks, t.speech) for t in talks if t.speaker == name][:most_clips] for name in others}
        found[speaker] = fit(clips, fps=talks[0].fps)
    return found


def shifted(talk: Talk, late: int) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks and speech of the clip with its pictures `late` frames late, cut to what both have."""
    samples = round(abs(late) * 16000 / talk.fps)
    if late >= 0:
        return talk.landmarks[: len(talk.landmarks) - late], talk.speech[samples:]
    return talk.landmarks[-late:], talk.speech[: len(talk.speech) - samples]


def area(positive: np.ndarray, negative: np.ndarray) -> float:
    """Area under the ROC curve."""
    ranks = rankdata(np.concatenate([positive, negative]))[: len(positive)]
    return float((ranks.mean() - (len(positive) + 1) / 2) / len(negative))


def main(folder: Path) -> None:
    tracker = FaceTracker(*weights.require("face_landmarker"))
    talks = [read(clip_id, path, tracker) for clip_id, path in find_clips(folder).items()]
    began = time.perf_counter()
    model = models(talks)
    fitted_s = time.perf_counter() - began

    def corr(talk: Talk, landmarks: np.ndarray, speech: np.ndarray) -> float:
        return sync_corr(landmarks, speech, model[talk.speaker], fps=talk.fps)

    def lag(talk: Talk, late: int) -> float:
        return float(measure_sync(*shifted(talk, late), model[talk.speaker], talk.fps, 16000)["lag_frames"][0])

    began = time.perf_counter()
    real = np.array([corr(talk, talk.landmarks, talk.speech) for talk in talks])
    scored_ms = 1000 * (time.perf_counter() - began) / len(talks)
    found = {late: np.array([lag(talk, late) for talk in talks]) for late in SHIFTS}
    swapped = np.array([[corr(talk, talk.landmarks, other.speech) for other in talks] for talk in talks])
    same = np.array([[talk.speaker == other.speaker for other in talks] for talk in talks])
    other = ~np.eye(len(talks), dtype=bool)
    still = np.array([corr(talk, talk.still, talk.speech) for talk in talks])
    held = [talk.landmarks[np.maximum(np.arange(len(talk.landmarks)) - standins.LATE_FRAMES, 0)] for talk in talks]
    late = np.array([corr(talk, landmarks, talk.speech) for talk, landmarks in zip(talks, held, strict=True)])
    following = np.roll(swapped, -1, axis=1).diagonal()

    print(f"{len(talks)} clips of {len(model)} speakers; each scored by a model of the {len(model) - 1} others")
    penalties = sorted(float(fitted["penalty"]) for fitted in model.values())
    print(f"penalties chosen among the training speakers: {', '.join(f'{penalty:g}' for penalty in penalties)}")
    print(f"lag within one frame      {np.mean(np.abs(found[0]) <= 1):.1%}")
    print(f"AUC, own against swapped  {area(real, swapped[other]):.3f} over {other.sum()} pairs")
    for name, pairs in (("same speaker", same & other), ("other speaker", ~same)):
        print(f"  sound of the {name:13} {area(real, swapped[pairs]):.3f} over {pairs.sum()} pairs")
    print("\npictures late by, frames  median lag found  minus that of the clip  one for one  within one")
    for shift, lags in found.items():
        moved = lags - found[0]
        print(
            f"{shift:>23} {np.median(lags):>17.0f} {np.median(moved):>23.0f} {np.mean(moved == shift):>12.0%} "
            f"{np.mean(np.abs(moved - shift) <= 1):>11.0%}"
        )
    print("\nsync_corr                   mean     sd   clips in which the real video stands above")
    print(f"{'real':<22} {real.mean():>9.3f} {real.std():>6.3f}")
    for name, values in (("still mouth", still), ("four frames late", late), ("next clip's sound", following)):
        print(f"{name:<22} {values.mean():>9.3f} {values.std():>6.3f} {np.mean(real > values):>9.1%}")
    above = np.mean(swapped[other] < np.repeat(real, len(talks) - 1))
    swaps = swapped[other]
    print(f"{'every other sound':<22} {swaps.mean():>9.3f} {swaps.std():>6.3f} {above:>9.1%} of pairs")
    print("\nlearned from, at most    within one frame  mean sync_corr  above next clip's sound")
    for speakers, clips in FEWER:
        model = models(talks, speakers, clips)
        near = np.mean([abs(lag(talk, 0)) <= 1 for talk in talks])
        own = np.array([corr(talk, talk.landmarks, talk.speech) for talk in talks])
        following = np.array(
            [corr(talk, talk.landmarks, talks[i].speech) for i, talk in enumerate(talks, -len(talks) + 1)]
        )
        what = f"{speakers} speakers, {clips} clips each"
        print(f"{what:<24} {near:>16.1%} {own.mean():>15.3f} {np.mean(own > following):>24.1%}")
    tracked_ms = 1000 * np.median([talk.track_s for talk in talks])
    print(f"\nms a clip: landmarks {tracked_ms:.0f}, sync_corr {scored_ms:.1f}")
    print(f"learning and fitting all {len(model)} models: {fitted_s:.1f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    main(parser.parse_args().clips)
