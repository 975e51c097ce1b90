"""Phones aligned to sound, viseme_closure and viseme_lmd on real clips of GRID: `python bench/visemes.py CLIPS`.

CLIPS is a folder of GRID, sN/NAME.mpg with NAME.align beside them. Printed: how far from GRID's own times words are
heard when only the words are given, and where they are put when their times are given too; both metrics of the real
clips and of the same with known faults, with the area under the ROC curve and the share of clips that score worse; by
speaker; how often the real shape of a viseme looks most like its own mean; what it takes.

Late pictures and half-frozen ones are made of the real landmarks; a still mouth and a blurred one are those of the
stand-in generators, tracked again; another sound is the next clip's, with its own words. Of every clip viseme_lmd
learns from the speaker's other clips.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.stats import rankdata

from lsbench.face.track import FaceTrack
from lsbench.face.tracker import FaceTracker, fill_gaps
from lsbench.generation import standins
from lsbench.media.clip import Clip
from lsbench.media.files import find_clips, read_clip
from lsbench.media.film import Film
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._visemes.lip_shapes import VisemeShapes
from lsbench.metrics.visemes import VisemeClosure, VisemeLMD
from lsbench.networks import weights
from lsbench.speech.aligner import align
from lsbench.speech.grid_names import sentence
from lsbench.speech.time_lists import read_align
from lsbench.speech.transcript import Transcript, of_text
from lsbench.speech.visemes import VISEMES, viseme

CLOSE_S = (0.04, 0.05, 0.08)


@dataclass(frozen=True)
class Talk:
    """One clip, its frames blank: landmarks as they are, with a still and with a blurred mouth; given word times."""

    clip: Clip
    real: FaceTrack
    still: FaceTrack
    blurred: FaceTrack
    given: Transcript

    @property
    def speaker(self) -> str:
        return self.clip.id.partition("/")[0]


def read(clip_id: str, path: Path, tracker: FaceTracker) -> Talk:
    clip = read_clip(path, clip_id)
    track = tracker.measure(clip)
    made = (standins.still_mouth, standins.blurred_mouth)
    still, blurred = (tracker.measure(make(Film.of(clip), fill_gaps(track, clip_id))) for make in made)
    words = sentence(clip_id)
    if words is None:
        raise SystemExit(f"{clip_id}: expected clips of GRID, such as s1/bbaf2n")
    blank = replace(Film.of(clip).blank(), said=of_text(words, clip_id))
    return Talk(blank, track, still, blurred, read_align(path.with_suffix(".align")))


def pair(clip: Clip, track: FaceTrack, model: Mapping[str, np.ndarray]) -> ClipPair:
    return ClipPair(clip, clip, landmarks=(track, track), models={VisemeShapes().signature: model} if model else {})


def area(worse: np.ndarray, better: np.ndarray) -> float:
    """Area under the ROC curve: the chance that one of `worse` is less than one of `better`."""
    worse, better = worse[~np.isnan(worse)], better[~np.isnan(better)]
    ranks = rankdata(np.concatenate([better, worse]))[: len(better)]
    return float((ranks.mean() - (len(better) + 1) / 2) / len(worse))


def words(talks: list[Talk]) -> None:
    """How far word starts and ends lie from GRID's, with the words alone and with their times."""
    for label in ("words alone", "words with GRID's times"):
        off = []
        for talk in talks:
            said = talk.given if "times" in label else talk.clip.said
            times = align(talk.clip.speech, talk.clip.sample_rate, said).word_times()
            off.append(times - np.array([(each.start_s, each.end_s) for each in talk.given.times]))
        for side, which in enumerate(("starts", "ends")):
            far = np.abs(np.array(off)[:, :, side])
            within = ", ".join(f"{np.mean(far <= limit + 1e-4):.1%} within {1000 * limit:.0f} ms" for limit in CLOSE_S)
            print(f"{label}, {which}: {within}; median {1000 * np.median(np.array(off)[:, :, side]):+.0f} ms")
        inner = np.abs(np.array(off)[:, 1:, 0])
        print(f"{label}, starts but the sentence's: {np.mean(inner <= 0.0401):.1%} within 40 ms")


def models(talks: list[Talk]) -> dict[str, dict[str, np.ndarray]]:
    """Clip id -> the shapes of the speaker's other clips; none where there are no others."""
    learner = VisemeShapes()
    kept = {talk.clip.id: learner.moments(learner.learn(talk.clip, talk.real)) for talk in talks}
    found = {}
    for talk in talks:
        others = [each for each in talks if each.speaker == talk.speaker and each is not talk]
        own = {each.clip.id: kept[each.clip.id] for each in others}
        found[talk.clip.id] = dict(learner.solve(own)) if own else {}
    return found


def variants(talks: list[Talk]) -> dict[str, list[tuple[Clip, FaceTrack]]]:
    """The real clips, and the same with faults: sound with its words, and landmarks."""
    random = np.random.default_rng(0)
    every = np.arange(len(talks[0].real))
    shown: dict[str, list[tuple[Clip, FaceTrack]]] = {"real": [(talk.clip, talk.real) for talk in talks]}
    for late in (1, 2, 4):
        places = np.maximum(every - late, 0)
        shown[f"{late} frames late"] = [(talk.clip, talk.real.taken(places)) for talk in talks]
    shown["still mouth"] = [(talk.clip, talk.still) for talk in talks]
    frozen = []
    for talk in talks:
        start = int(random.integers(0, len(every) // 2 + 1))
        places = np.where((every >= start) & (every < start + len(every) // 2), start, every)
        frozen.append((talk.clip, talk.real.taken(places)))
    shown["frozen for half"] = frozen
    shown["frames in random order"] = [(talk.clip, talk.real.taken(random.permutation(every))) for talk in talks]
    shown["blurred mouth"] = [(talk.clip, talk.blurred) for talk in talks]
    following = [*talks[1:], talks[0]]
    sounds = zip(talks, following, strict=True)
    shown["the next clip's sound"] = [
        (replace(talk.clip, speech=other.clip.speech, said=other.clip.said), talk.real) for talk, other in sounds
    ]
    return shown


def faults(talks: list[Talk]) -> None:
    """Both metrics of the real clips and of the same with faults."""
    learned, shown = models(talks), variants(talks)
    metrics: tuple[Metric, ...] = (VisemeClosure(), VisemeLMD(), VisemeLMD(relative=True))
    for metric in metrics:
        sign = 1 if metric.better == "higher" else -1
        values = {}
        for label, clips in shown.items():
            stats = [metric.measure(pair(clip, track, learned[clip.id])) for clip, track in clips]
            values[label] = np.array([metric.compute(each) for each in stats])
            total, note = metric.fold(stats)
            line = f"{metric.key}, {label}: {total:.4f}, by clip {np.nanmean(values[label]):.4f}"
            line += f" (standard deviation {np.nanstd(values[label]):.4f})"
            if label == "real":
                print(f"{line}; {note}")
                by = {talk.speaker for talk in talks}
                of = {name: [place for place, talk in enumerate(talks) if talk.speaker == name] for name in sorted(by)}
                print(
                    "  "
                    + ", ".join(
                        f"{name} {metric.fold([stats[p] for p in places])[0]:.4f}" for name, places in of.items()
                    )
                )
                continue
            both = ~np.isnan(values["real"]) & ~np.isnan(values[label])
            worse = np.mean(sign * (values["real"] - values[label])[both] > 0)
            print(f"{line}; AUC {area(sign * values[label], sign * values['real']):.2f}; worse in {worse:.0%} of clips")


def closures(talks: list[Talk]) -> None:
    """How many real closures of each kind are made, by timing of the words alone and by GRID's times."""
    for label in ("words alone", "words with GRID's times"):
        made: dict[str, list[float]] = {}
        for talk in talks:
            said = talk.given if "times" in label else talk.clip.said
            clip = replace(talk.clip, said=said)
            heard = align(clip.speech, clip.sample_rate, said)
            stats = VisemeClosure().measure(pair(clip, talk.real, {}))
            shut = stats["shut"][stats["kind"] == 1].tolist()
            names = [phone.name for phone in heard.phones if viseme(phone.name) in (0, 1)]
            for name, share in zip(names, shut, strict=True):
                made.setdefault(name, []).append(share)
        said_of = (f"{name} {np.mean(np.array(each) >= 0.5):.0%} of {len(each)}" for name, each in sorted(made.items()))
        print(f"closures more than half made, {label}: {', '.join(said_of)}")


def confusion(talks: list[Talk]) -> None:
    """Which real shape the real phones look most like."""
    learned, metric = models(talks), VisemeLMD()
    detail = metric.detail([metric.measure(pair(talk.clip, talk.real, learned[talk.clip.id])) for talk in talks])
    looks = np.array(detail["looks_like"])
    print(f"own viseme's shape is the nearest of 14: {np.trace(looks) / looks.sum():.0%} of {looks.sum()} phones")
    for name, row in zip(VISEMES, looks, strict=True):
        if row.sum():
            most = [f"{VISEMES[place]} {row[place]}" for place in np.argsort(-row, kind="stable")[:3] if row[place]]
            print(f"  {name}: {', '.join(most)} of {row.sum()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path)
    tracker = FaceTracker(*weights.require("face_landmarker"))
    talks = [read(clip_id, path, tracker) for clip_id, path in find_clips(parser.parse_args().clips).items()]
    began = time.perf_counter()
    for talk in talks:
        align(talk.clip.speech, talk.clip.sample_rate, talk.clip.said)
    print(f"{(time.perf_counter() - began) / len(talks):.2f} s a clip to align, or to read what is kept")
    words(talks)
    closures(talks)
    faults(talks)
    confusion(talks)


if __name__ == "__main__":
    main()
