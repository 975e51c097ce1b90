"""A study of human ratings: what is asked of whom, decided by a seed, and kept apart from what raters hold.

Absolute category rating follows ITU-T P.910 (five categories, hidden reference, practice, items in an order of the
rater's own); pairs are forced choices between two videos of one clip.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lsbench.errors import StudyError
from lsbench.mos.key import REFERENCE, KeyItem, Question, StudyKey, read_key
from lsbench.mos.make import design
from lsbench.mos.make.runs import StudyRuns, Video

REVISION = 1  # of what raters see; a change makes another study of the same options
SCALE = ("Bad", "Poor", "Fair", "Good", "Excellent")  # 1 to 5, P.910
CHECKS, PASSING = 6, 5  # headphone checks, and how many right ones tell headphones (Woods et al. 2017)
CLIPS = 12  # of a study of pairs, where all their pairs need not be shown
SHARES = 4  # sessions' worth of items, where a rater sees a share of them
TEXTS = {
    "acr": {
        "sync": "How well do the lips fit the speech?",
        "mouth": "How good does the mouth look?",
        "overall": "How good is the video as a whole?",
    },
    "pairs": {
        "sync": "In which video do the lips fit the speech better?",
        "mouth": "In which video does the mouth look better?",
        "overall": "Which video is better as a whole?",
    },
}


@dataclass(frozen=True)
class StudyOptions:
    """What the experimenter asks for; None: what fits a session of about 20 minutes.

    clips: how many. repeats: trials that each rater sees twice. per_rater: trials of each rater, a balanced share.
    """

    method: str = "acr"
    clips: int | None = None
    repeats: int | None = None
    seed: int = 0
    per_rater: int | None = None


@dataclass(frozen=True)
class Study:
    """A study before its page is made.

    videos: what each id shows, practice included. groups: id -> number of its clip, which tells nothing else.
    practice: trials that are not recorded. shares: numbers of the trials that a rater sees, one share a rater; empty
    where everyone sees all. minutes: of a session, about.
    """

    key: StudyKey
    videos: Mapping[str, Video]
    groups: Mapping[str, int]
    practice: tuple[tuple[str, ...], ...]
    shares: tuple[tuple[int, ...], ...]
    minutes: int

    @property
    def trials(self) -> tuple[tuple[str, ...], ...]:
        """What can be shown in one trial, by ids."""
        return self.key.pairs or tuple((name,) for name in sorted(self.key.items))

    @property
    def shown(self) -> int:
        """Trials of one rater, without repeats."""
        return len(self.shares[0]) if self.shares else len(self.trials)


def plan_study(runs: StudyRuns, options: StudyOptions, secret: str) -> Study:
    """The study that the options describe: the same for the same runs, options and secret."""
    _demand(options, runs)
    clip_s = runs.clip_s(next(iter(runs.speakers)))
    chosen, shown = _choose(runs, options, clip_s)
    used = dict.fromkeys(cell for clip, names in shown for cell in ((name, clip) for name in names))
    by_clip = {clip: runs.videos(clip) for clip in chosen}
    ids = {cell: _id(secret, *cell) for cell in used}
    items = {
        ids[name, clip]: KeyItem(name, clip, runs.speakers[clip], by_clip[clip][name].sha256) for name, clip in used
    }
    pairs = sorted((min(pair), max(pair)) for clip, names in shown if len(pair := [ids[n, clip] for n in names]) == 2)
    videos = {ids[name, clip]: by_clip[clip][name] for name, clip in used}
    practice = _practice(runs, options, chosen, secret)
    videos |= {name: video for trial in practice for name, video in trial.items()}
    if len(videos) != len(used) + sum(map(len, practice)):
        raise StudyError("two items got the same id; give the command again")  # one chance in a hundred millions
    trials: list[tuple[str, ...]] = [*pairs] or [(name,) for name in sorted(items)]
    labels = [(items[trial[0]].clip, tuple(sorted(items[name].generator for name in trial))) for trial in trials]
    shares = design.portions(labels, options.per_rater, options.seed) if options.per_rater else []
    size = len(shares[0]) if shares else len(trials)
    repeats = min(size, design.repeats_of(size) if options.repeats is None else options.repeats)
    key = StudyKey(
        study="",
        method=options.method,
        seed=options.seed,
        secret=secret,
        questions=tuple(Question(name, text) for name, text in TEXTS[options.method].items()),
        scale=(1, len(SCALE)),
        repeats=repeats,
        checks=CHECKS,
        passing=PASSING,
        protocol=runs.protocol,
        runs=runs.runs,
        items=items,
        pairs=tuple(pairs),
    )
    study = Study(
        key,
        videos,
        _groups(secret, videos),
        tuple(sorted(tuple(sorted(trial)) for trial in practice)),
        tuple(map(tuple, shares)),
        round(design.session_s(options.method, clip_s, size + repeats) / 60),
    )
    return replace(study, key=replace(key, study=_study_id(study)))


def secret_of(key: Path) -> str:
    """The secret of the key that is already there, so that the same study is made again; a new one otherwise."""
    return read_key(key).secret if key.exists() else secrets.token_hex(32)


def demand_same(path: Path, key: StudyKey) -> None:
    """StudyError where the file is the key of another study."""
    if path.exists() and (present := read_key(path)).study != key.study:
        raise StudyError(
            f"{path} is the key of study {present.study} ({present.method}, seed {present.seed}, {len(present.items)} "
            "items), which these runs and options do not make; ratings of it would be lost. Pass another --out or --key"
        )


def _demand(options: StudyOptions, runs: StudyRuns) -> None:
    if options.method not in TEXTS:
        raise StudyError(f"method is {options.method}, expected acr or pairs")
    most = len(runs.speakers)
    if options.clips is not None and not 1 <= options.clips <= most:
        raise StudyError(f"{options.clips} clips asked of runs that have {most}; pass --clips from 1 to {most}")
    for name, value, least in (
        ("repeats", options.repeats, 0),
        ("per-rater", options.per_rater, 1),
        ("seed", options.seed, 0),
    ):
        if value is not None and value < least:
            raise StudyError(f"{name} is {value}, expected {least} or more")


def _choose(runs: StudyRuns, options: StudyOptions, clip_s: float) -> tuple[list[str], list[tuple[str, Sequence[str]]]]:
    """The clips, and every trial as (clip, the generators shown in it)."""
    names = runs.generators
    fitting = design.budget(options.method, clip_s, options.repeats)
    pool = options.per_rater * SHARES if options.per_rater else fitting
    if options.method == "acr":
        count = options.clips or max(1, pool // len(names))
        chosen = design.choose_clips(runs.speakers, count, options.seed)
        return chosen, [(clip, (name,)) for clip in chosen for name in names]
    pairs = len(design.pairs_of(names))
    count = options.clips or max(-(-pool // pairs), min(pool, CLIPS))
    chosen = design.choose_clips(runs.speakers, count, options.seed)
    sampled = design.sample_pairs(
        names, chosen, pool if options.clips is None or not options.per_rater else len(chosen) * pairs, options.seed
    )
    return list(dict.fromkeys(clip for clip, _ in sampled)), list(sampled)


def _practice(runs: StudyRuns, options: StudyOptions, chosen: Sequence[str], secret: str) -> list[dict[str, Video]]:
    """Two trials to learn with, a made and a real video, of clips that the study does not use where there are any."""
    clips = design.by_hash(options.seed, "practice", [clip for clip in runs.speakers if clip not in set(chosen)])
    clips = [*clips, *design.by_hash(options.seed, "practice", chosen)] * 2
    made = design.by_hash(options.seed, "practice", runs.generators[1:]) * 2
    trials = []
    for number in range(2):
        names = (made[number], REFERENCE) if options.method == "pairs" else ((made[0], REFERENCE)[number],)
        videos = runs.videos(clips[number])
        trials.append({_id(secret, "practice", str(number), name): videos[name] for name in names})
    return trials


def _groups(secret: str, videos: Mapping[str, Video]) -> dict[str, int]:
    """Id -> the number of its clip, in an order that only the secret tells."""
    clips = sorted({video.clip for video in videos.values()}, key=lambda clip: _digest(secret, "clip", clip))
    numbers = {clip: number for number, clip in enumerate(clips, start=1)}
    return {name: numbers[videos[name].clip] for name in sorted(videos)}


def _id(secret: str, *parts: str) -> str:
    """An opaque name that nobody without the secret can tell the parts from."""
    letters, number = "bcdfghjklmnpqrstvwxz", int.from_bytes(_digest(secret, *parts), "big")
    return "".join(letters[number // len(letters) ** digit % len(letters)] for digit in range(10))


def _study_id(study: Study) -> str:
    """A digest of all that raters see and of what it is; where runs lie is no part of it."""
    key = study.key
    content: list[Any] = [
        REVISION,
        [
            key.method,
            key.seed,
            key.repeats,
            key.checks,
            key.passing,
            key.protocol["digest"],
            study.practice,
            study.shares,
        ],
        [[question.id, question.text] for question in key.questions],
        sorted(run.name for run in key.runs),
        [
            [name, video.generator, video.clip, video.sha256, video.start, video.frames]
            for name, video in sorted(study.videos.items())
        ],
        key.pairs,
    ]
    return _digest(key.secret, "study", json.dumps(content, sort_keys=True)).hex()[:16]


def _digest(secret: str, *parts: str) -> bytes:
    return hmac.new(bytes.fromhex(secret), "\0".join(parts).encode(), hashlib.sha256).digest()
