"""How much faces do, of real clips and of stand-ins: `python bench/naturalness.py CLIPS [--standins] [--real]`.

CLIPS is a folder of clips, or SPEAKER/CLIP.*. Printed by speaker (by clip where there are no speakers) and over all:
blinks, blinks a minute, and the rates of brows, head and lips; --standins: the closeness to the clips themselves of
what is made of every third one, and the floor, the rates of its first frame shown again and again, as it is and under
noise of 2 and 7 levels; --real: what lsbench/metrics/_natural/real_rates.py holds of GRID.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from lsbench.errors import LsbenchError
from lsbench.face.track import FaceTrack
from lsbench.face.tracker import FaceTracker, fill_gaps
from lsbench.generation import standins
from lsbench.media.clip import Clip
from lsbench.media.files import content_sha256, find_clips, read_film
from lsbench.media.film import Film
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.metrics.akd import AKD
from lsbench.metrics.naturalness import BlinkRate, BrowMotion, HeadMotion, LipDynamics
from lsbench.networks import weights

KINDS = (BlinkRate, BrowMotion, HeadMotion, LipDynamics)
RATES = tuple(kind(real="none") for kind in KINDS)
CLOSENESS = (*(kind() for kind in KINDS), AKD())
SPOILED = ("reencoded", "still-mouth", "late", "noisy-frame")
EVERY = 3  # clips, of which stand-ins are made
Kept = list[Stats]  # of each metric


def kept(metrics: Sequence[Metric], reference: Clip, generated: Clip, tracks: tuple[FaceTrack, FaceTrack]) -> Kept:
    return [metric.measure(ClipPair(reference, generated, landmarks=tracks)) for metric in metrics]


def spoil(name: str) -> Callable[[Film, FaceTrack], Film]:
    found: Callable[[Film, FaceTrack], Film] = getattr(standins, name.replace("-", "_"))
    return found


def line(name: str, metrics: Sequence[Metric], clips: Iterable[Kept]) -> str:
    values = [metric.fold(parts)[0] for metric, parts in zip(metrics, zip(*clips, strict=True), strict=True)]
    return f"{name:22}" + "".join(f"{value:10.3f}" for value in values)


def heading(metrics: Sequence[Metric]) -> str:
    return " " * 22 + "".join(f"{metric.name.partition('_')[0]:>10}" for metric in metrics)


def still(clip: Clip, noise: float) -> Clip:
    random = np.random.default_rng(0)
    frames = np.repeat(clip.frames[:1], len(clip), axis=0).astype(np.float64)
    return replace(
        clip, frames=np.clip(np.rint(frames + random.normal(0, noise, frames.shape)), 0, 255).astype(np.uint8)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a folder of clips, such as GRID's")
    parser.add_argument("--standins", action="store_true", help="closeness of stand-ins, and the floor")
    parser.add_argument("--real", action="store_true", help="the rates over all clips, as the package holds them")
    options = parser.parse_args()
    tracker = FaceTracker(*weights.require("face_landmarker"))
    films: dict[str, tuple[Film, FaceTrack]] = {}
    by_speaker: dict[str, dict[str, Kept]] = {}
    for clip_id, path in find_clips(options.folder).items():
        try:
            film = read_film(path, clip_id, sound="optional")
            track = tracker.measure_cached(film, content_sha256(path))
        except LsbenchError as error:
            print(error)
            continue
        films[clip_id] = film, track
        measured = kept(RATES, film.blank(), film.blank(), (track, track))
        by_speaker.setdefault(clip_id.partition("/")[0], {})[clip_id] = measured
    every = [measured for clips in by_speaker.values() for measured in clips.values()]
    if options.real:
        rates = {
            metric.name: metric.fold(parts)[0] for metric, parts in zip(RATES, zip(*every, strict=True), strict=True)
        }
        print({name: float(f"{rate:.4g}") for name, rate in rates.items()})
        return
    print(heading(RATES) + "   blinks  seconds")
    groups = {speaker: list(clips.values()) for speaker, clips in by_speaker.items()}
    for speaker, group in (groups | {"all": every}).items():
        blinks = [measured[0] for measured in group]
        counts = [np.nansum(stats["generated"] * stats["seconds"]) for stats in blinks]
        lasted = [stats["seconds"][~np.isnan(stats["generated"])].sum() for stats in blinks]
        print(line(speaker, RATES, group) + f"{sum(counts):9.0f}{sum(lasted):9.1f}")
    if not options.standins:
        return
    some = list(films.values())[::EVERY]
    print(f"\nfloor, the first frames of {len(some)} clips\n{heading(RATES)}")
    for noise in (0.0, 2.0, 7.0):
        shown = [still(film.clip(), noise) for film, _ in some]
        floors = [kept(RATES, clip, clip, (tracker.measure(clip),) * 2) for clip in shown]
        print(line(f"noise of {noise:g} levels", RATES, floors))
    print(f"\ncloseness to the clips themselves, {len(some)} clips\n{heading(CLOSENESS)}")
    for name in SPOILED:
        spoiled = [spoil(name)(film, fill_gaps(track, film.id)).clip() for film, track in some]
        beside = [
            kept(CLOSENESS, film.blank(), clip, (track, tracker.measure(clip)))
            for (film, track), clip in zip(some, spoiled, strict=True)
        ]
        print(line(name, CLOSENESS, beside))


if __name__ == "__main__":
    main()
