"""sync_peak on real clips of many sources: `python bench/sync_peak.py FOLDER [--only NAME]... [--speakers]`.

FOLDER holds clips in sync, each of another source; none of them may have been learned from. With --speakers they are
SPEAKER/CLIP.* of one corpus, such as GRID, and each speaker is scored by a model fitted on the others, as
bench/sync_model.py fits the one that is shipped.

Printed, clip by clip and of all: sync_peak of the clip's own sound, with its interval, lag and confidence, beside those
of the other clips' sounds; how well it tells them apart (area under the ROC curve); by how much the lag moves where the
sound is moved by so many milliseconds, and where the pictures are thinned out to other frame rates; what it takes; and
all clips again under white noise, and under a chord of tones for music, so many dB below the sound's own mean power.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
from silence import SNR_DB, tones
from sync_model import Talk, fit
from sync_motion import area

from lsbench.errors import LsbenchError
from lsbench.face.tracker import FaceTracker
from lsbench.media.files import content_sha256, find_clips, read_film
from lsbench.metrics._base.landmarks import tracked_landmarks
from lsbench.metrics._base.learner import Model
from lsbench.metrics._sync.agreement import interval_of_mean
from lsbench.metrics._sync.shipped import shipped_model
from lsbench.metrics.sync import measure_sync
from lsbench.networks import weights

RATE = 16000  # of the sound, Hz
LONGEST_S = 12.0  # of a clip, that is looked at
MOVES_MS = (-240, -160, -80, 80, 160, 240)  # by which the pictures become late
FRAME_RATES = (15, 20, 25, 30, 50, 60)


def read(folder: Path, only: list[str]) -> list[Talk]:
    """The clips that have sound and a face, at most LONGEST_S of each."""
    tracker, talks = FaceTracker(*weights.require("face_landmarker")), []
    for clip_id, path in find_clips(folder).items():
        if only and clip_id not in only:
            continue
        try:
            film = read_film(path, clip_id, sample_rate=RATE)
            points = tracked_landmarks(tracker.measure_cached(film, content_sha256(path)))
        except LsbenchError as error:
            print(f"left out: {error}")
            continue
        if np.abs(film.speech).max(initial=0) < 1e-3:
            print(f"left out: {clip_id} is silent")
            continue
        talks.append(Talk(clip_id, points[: int(LONGEST_S * film.fps)], film.speech[: int(LONGEST_S * RATE)], film.fps))
    return talks


def row(talk: Talk, model: Model) -> dict[str, float]:
    frames = min(len(talk.landmarks), int(len(talk.speech) / RATE * talk.fps))
    speech = talk.speech[: int(frames / talk.fps * RATE)]
    stats = measure_sync(talk.landmarks[:frames], speech, model, talk.fps, RATE)
    return {name: float(column[0]) for name, column in stats.items()}


def moved(talk: Talk, late_ms: float) -> Talk:
    """The clip with its sound so much earlier, filled up with silence: its pictures are late."""
    samples = round(abs(late_ms) / 1000 * RATE)
    silence = np.zeros(samples, talk.speech.dtype)
    if late_ms >= 0:
        return replace(talk, speech=np.concatenate([talk.speech[samples:], silence]))
    return replace(talk, speech=np.concatenate([silence, talk.speech[: len(talk.speech) - samples]]))


def under_noise(talk: Talk, kind: str, snr_db: float) -> Talk:
    """The clip with white noise or tones in its sound."""
    random = np.random.default_rng(0)
    count = len(talk.speech)
    added = tones(count, random) if kind == "tones" else random.standard_normal(count)
    level = np.sqrt(np.mean(np.square(talk.speech, dtype=np.float64)) / np.mean(added**2) / 10 ** (snr_db / 10))
    return replace(talk, speech=(talk.speech + level * added).astype(np.float32))


def shown_at(talk: Talk, fps: float) -> Talk:
    """The clip at another frame rate: each frame shows the picture nearest in time."""
    at = np.arange(int(len(talk.landmarks) / talk.fps * fps)) / fps * talk.fps
    return replace(
        talk, landmarks=talk.landmarks[np.minimum(np.rint(at).astype(int), len(talk.landmarks) - 1)], fps=fps
    )


def main(folder: Path, only: list[str], speakers: bool) -> None:
    talks = read(folder, only)
    names = sorted({talk.speaker for talk in talks})
    if speakers:
        by_speaker = {name: fit([talk for talk in talks if talk.speaker != name]) for name in names}
        models: list[Model] = [by_speaker[talk.speaker] for talk in talks]
    else:
        models = [shipped_model()] * len(talks)
    own, other, at_zero, other_at_zero, errors, rates = [], [], [], [], [], []
    print(
        "clip                      s   fps  sync_peak        interval  lag, frames  s.d.  other sounds: mean, highest"
    )
    for talk, model in zip(talks, models, strict=True):
        here = row(talk, model)
        rest = [row(replace(talk, speech=each.speech), model) for each in talks if each is not talk]
        own.append(here["peak"])
        other += [each["peak"] for each in rest]
        at_zero.append(here["correlation"])
        other_at_zero += [each["correlation"] for each in rest]
        low, high = interval_of_mean(*(np.array([here[name]]) for name in ("peak", "peak_error", "peak_freedom")))
        length_s = len(talk.landmarks) / talk.fps
        peaks = [each["peak"] for each in rest]
        print(
            f"{talk.id:<22} {length_s:>4.1f} {talk.fps:>5.4g} {here['peak']:>10.3f} {low:>7.3f} {high:>7.3f} "
            f"{here['lag_frames']:>+12.1f} {here['confidence']:>5.1f} {np.mean(peaks):>20.3f} {max(peaks):.3f}"
        )
        for late_ms in MOVES_MS:
            lag = row(moved(talk, late_ms), model)["lag_frames"]
            errors.append(lag - here["lag_frames"] - late_ms / 1000 * talk.fps)
        for fps in FRAME_RATES:
            lag = row(shown_at(talk, fps), model)["lag_frames"]
            rates.append(lag - here["lag_frames"] / talk.fps * fps)
    print(
        f"\nAUC, own sound against others': {area(np.array(own), np.array(other)):.3f} over {len(other)} pairs", end=""
    )
    print(f"; of the correlation at lag 0: {area(np.array(at_zero), np.array(other_at_zero)):.3f}")
    print(f"other sounds: mean {np.mean(other):.3f}, standard deviation {np.std(other):.3f}")
    right = np.mean(np.abs(errors) <= 1)
    print(f"sound moved by {', '.join(map(str, MOVES_MS))} ms: lag differences within one frame {right:.1%}")
    right = np.mean(np.abs(rates) <= 1)
    print(f"pictures at {', '.join(map(str, FRAME_RATES))} fps: lag within one frame of the own rate's {right:.1%}")
    began = time.perf_counter()
    for talk, model in zip(talks, models, strict=True):
        row(talk, model)
    seconds = sum(len(talk.landmarks) / talk.fps for talk in talks)
    print(f"ms a second of video, on top of landmarks: {1000 * (time.perf_counter() - began) / seconds:.1f}")
    lags = [row(talk, model)["lag_frames"] for talk, model in zip(talks, models, strict=True)]
    print("\nnoise   dB   sync_peak, mean    AUC   lag within one frame of that without noise")
    for kind, snr_db in product(("white", "tones"), SNR_DB):
        heard = [under_noise(talk, kind, snr_db) for talk in talks]
        own, other, kept = [], [], 0
        for talk, model, lag in zip(heard, models, lags, strict=True):
            here = row(talk, model)
            own.append(here["peak"])
            kept += abs(here["lag_frames"] - lag) <= 1
            other += [row(replace(talk, speech=each.speech), model)["peak"] for each in heard if each is not talk]
        auc = area(np.array(own), np.array(other))
        print(f"{kind:<6} {snr_db:>3} {np.mean(own):>17.3f} {auc:>6.3f} {kept:>10} of {len(talks)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--only", action="append", default=[], help="the name of a clip; as often as there are such")
    parser.add_argument("--speakers", action="store_true", help="score each speaker by a model of the others")
    asked = parser.parse_args()
    main(asked.clips, asked.only, asked.speakers)
