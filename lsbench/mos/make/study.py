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
from lsbench.mos.make.sources import Sources, Video

REVISION = 1  # of what raters see; a change makes another study of the same wishes
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
class Wishes:
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
    practice: trials that are not recorded. shares: places of the trials that a rater sees, one share a rater; empty
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


def plan(sources: Sources, wishes: Wishes, secret: str) -> Study:
    """The study that the wishes describe: the same for the same runs, wishes and secret."""
    _demand(wishes, sources)
    clip_s = sources.clip_s(next(iter(sources.speakers)))
    chosen, shown = _choose(sources, wishes, clip_s)
    used = dict.fromkeys(cell for clip, names in shown for cell in ((name, clip) for name in names))
    videos = {clip: sources.videos(clip) for clip in chosen}
    ids = {cell: _id(secret, *cell) for cell in used}
    items = {
        ids[name, clip]: KeyItem(name, clip, sources.speakers[clip], videos[clip][name].sha256) for name, clip in used
    }
    pairs = sorted((min(pair), max(pair)) for clip, names in shown if len(pair := [ids[n, clip] for n in names]) == 2)
    films = {ids[name, clip]: videos[clip][name] for name, clip in used}
    practice = _practice(sources, wishes, chosen, secret)
    films |= {name: film for trial in practice for name, film in trial.items()}
    if len(films) != len(used) + sum(map(len, practice)):
        raise StudyError("two items got the same id; give the command again")  # one chance in a hundred millions
    trials: list[tuple[str, ...]] = [*pairs] or [(name,) for name in sorted(items)]
    labels = [(items[trial[0]].clip, tuple(sorted(items[name].generator for name in trial))) for trial in trials]
    shares = design.portions(labels, wishes.per_rater, wishes.seed) if wishes.per_rater else []
    size = len(shares[0]) if shares else len(trials)
    repeats = min(size, design.repeats_of(size) if wishes.repeats is None else wishes.repeats)
    key = StudyKey(
        study="",
        method=wishes.method,
        seed=wishes.seed,
        secret=secret,
        questions=tuple(Question(name, text) for name, text in TEXTS[wishes.method].items()),
        scale=(1, len(SCALE)),
        repeats=repeats,
        checks=CHECKS,
        passing=PASSING,
        protocol=sources.protocol,
        runs=sources.runs,
        items=items,
        pairs=tuple(pairs),
    )
    study = Study(
        key,
        films,
        _groups(secret, films),
        tuple(sorted(tuple(sorted(trial)) for trial in practice)),
        tuple(map(tuple, shares)),
        round(design.session_s(wishes.method, clip_s, size + repeats) / 60),
    )
    return replace(study, key=replace(key, study=_study_id(study)))


def secret_of(key: Path) -> str:
    """The secret of the key that is already there, so that the same study is made again; a new one otherwise."""
    return read_key(key).secret if key.exists() else secrets.token_hex(32)


def demand_same(path: Path, key: StudyKey) -> None:
    """StudyError where the file is the key of another study."""
    if path.exists() and (there := read_key(path)).study != key.study:
        raise StudyError(
            f"{path} is the key of study {there.study} ({there.method}, seed {there.seed}, {len(there.items)} items), "
            "which these runs and options do not make; ratings of it would be lost. Pass another --out or --key"
        )


def _demand(wishes: Wishes, sources: Sources) -> None:
    if wishes.method not in TEXTS:
        raise StudyError(f"method is {wishes.method}, expected acr or pairs")
    there = len(sources.speakers)
    if wishes.clips is not None and not 1 <= wishes.clips <= there:
        raise StudyError(f"{wishes.clips} clips asked of runs that have {there}; pass --clips from 1 to {there}")
    for name, value, least in (
        ("repeats", wishes.repeats, 0),
        ("per-rater", wishes.per_rater, 1),
        ("seed", wishes.seed, 0),
    ):
        if value is not None and value < least:
            raise StudyError(f"{name} is {value}, expected {least} or more")


def _choose(sources: Sources, wishes: Wishes, clip_s: float) -> tuple[list[str], list[tuple[str, Sequence[str]]]]:
    """The clips, and every trial as (clip, the generators shown in it)."""
    names = sources.generators
    fitting = design.budget(wishes.method, clip_s, wishes.repeats)
    pool = wishes.per_rater * SHARES if wishes.per_rater else fitting
    if wishes.method == "acr":
        count = wishes.clips or max(1, pool // len(names))
        chosen = design.spread(sources.speakers, count, wishes.seed)
        return chosen, [(clip, (name,)) for clip in chosen for name in names]
    pairs = len(design.pairs_of(names))
    count = wishes.clips or max(-(-pool // pairs), min(pool, CLIPS))
    chosen = design.spread(sources.speakers, count, wishes.seed)
    sampled = design.sample_pairs(
        names, chosen, pool if wishes.clips is None or not wishes.per_rater else len(chosen) * pairs, wishes.seed
    )
    return list(dict.fromkeys(clip for clip, _ in sampled)), list(sampled)


def _practice(sources: Sources, wishes: Wishes, chosen: Sequence[str], secret: str) -> list[dict[str, Video]]:
    """Two trials to learn with, a made and a real video, of clips that the study does not use where there are any."""
    clips = design.by_hash(wishes.seed, "practice", [clip for clip in sources.speakers if clip not in set(chosen)])
    clips = [*clips, *design.by_hash(wishes.seed, "practice", chosen)] * 2
    made = design.by_hash(wishes.seed, "practice", sources.generators[1:]) * 2
    found = []
    for place in range(2):
        names = (made[place], REFERENCE) if wishes.method == "pairs" else ((made[0], REFERENCE)[place],)
        videos = sources.videos(clips[place])
        found.append({_id(secret, "practice", str(place), name): videos[name] for name in names})
    return found


def _groups(secret: str, films: Mapping[str, Video]) -> dict[str, int]:
    """Id -> the number of its clip, in an order that only the secret tells."""
    clips = sorted({film.clip for film in films.values()}, key=lambda clip: _digest(secret, "clip", clip))
    number = {clip: place for place, clip in enumerate(clips, start=1)}
    return {name: number[films[name].clip] for name in sorted(films)}


def _id(secret: str, *parts: str) -> str:
    """An opaque name that nobody without the secret can tell the parts from."""
    letters, number = "bcdfghjklmnpqrstvwxz", int.from_bytes(_digest(secret, *parts), "big")
    return "".join(letters[number // len(letters) ** place % len(letters)] for place in range(10))


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
            [name, film.generator, film.clip, film.sha256, film.start, film.frames]
            for name, film in sorted(study.videos.items())
        ],
        key.pairs,
    ]
    return _digest(key.secret, "study", json.dumps(content, sort_keys=True)).hex()[:16]


def _digest(secret: str, *parts: str) -> bytes:
    return hmac.new(bytes.fromhex(secret), "\0".join(parts).encode(), hashlib.sha256).digest()
