"""Simulated studies: a key, and raters of known bias, noise and care who answer it as files of ratings."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lsbench.mos.key import COLUMNS, QUESTIONS, REFERENCE, KeyItem, KeyRun, Question, StudyKey
from lsbench.mos.read.ratings import Rating

STUDY = "0123456789abcdef"
PROTOCOL = {"name": "folder", "digest": "d" * 64}
CONSONANTS = "bcdfghjklmnpqrstvwxz"
TRUE = {REFERENCE: 4.5, "good": 3.8, "fair": 3.0, "poor": 2.2}  # scores before rounding and clipping
SCALE = 1.2  # log-odds of a preference for one point of the true scores


def make_key(
    generators: Sequence[str] = ("good", "fair", "poor"),
    clips: int | Sequence[str] = 12,
    method: str = "acr",
    repeats: int = 4,
    paths: dict[str, Path] | None = None,
    protocol: dict[str, str] = PROTOCOL,
) -> StudyKey:
    """A key with every generator and the reference on every clip."""
    names = [f"s{clip % 4}/c{clip:02d}" for clip in range(clips)] if isinstance(clips, int) else list(clips)
    random = np.random.default_rng(7)
    items: dict[str, KeyItem] = {}
    for generator, clip in itertools.product([REFERENCE, *generators], names):
        name = "".join(random.choice(list(CONSONANTS), 10))
        sha = hashlib.sha256(f"{generator} {clip}".encode()).hexdigest()
        items[name] = KeyItem(generator, clip, clip.split("/")[0], sha)
    by_clip = {clip: [name for name, item in items.items() if item.clip == clip] for clip in names}
    pairs = [pair for held in by_clip.values() for pair in itertools.combinations(held, 2)] if method == "pairs" else []
    runs = tuple(KeyRun(name, str((paths or {}).get(name, f"runs/{name}"))) for name in generators)
    questions = tuple(Question(name, f"How good is {name}?") for name in QUESTIONS)
    return StudyKey(STUDY, method, 1, "a" * 64, questions, (1, 5), repeats, 6, 5, protocol, runs, items, tuple(pairs))


@dataclass
class Rater:
    """bias: offset of all scores; noise: standard deviation of each answer. care: how answers come about.

    care: `honest`, `random`, `same` (one answer), `reversed` (the scale the wrong way round), `left` (of pairs).
    share: of the items that this rater sees. heard: headphone checks that come out right, of 6.
    """

    name: str
    bias: float = 0.0
    noise: float = 0.7
    care: str = "honest"
    share: float = 1.0
    heard: int = 6


def panel_of(count: int, random: np.random.Generator, bias: float = 0.5, noise: float = 0.7) -> list[Rater]:
    """Honest raters of random bias."""
    return [Rater(f"r{place:02d}", bias * float(random.standard_normal()), noise) for place in range(count)]


@dataclass
class World:
    """What the simulated videos are worth: true scores by generator, and effects of clips around them."""

    key: StudyKey
    random: np.random.Generator
    true: dict[str, float] = field(default_factory=lambda: dict(TRUE))
    clip_spread: float = 0.4
    item_spread: float = 0.2
    quality: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        clips = sorted({item.clip for item in self.key.items.values()})
        of_clip = dict(zip(clips, self.clip_spread * self.random.standard_normal(len(clips)), strict=True))
        for name, item in self.key.items.items():
            around = self.item_spread * self.random.standard_normal()
            self.quality[name] = self.true[item.generator] + of_clip[item.clip] + around

    def rows(self, rater: Rater) -> list[list[str]]:
        """The rows of one rater's file, without the header."""
        random, key = self.random, self.key
        rows = [
            self._row(
                rater, place + 1, "headphones", str(place + 1), "", "headphones", str(int(place < rater.heard)), 0
            )
            for place in range(key.checks)
        ]
        shown: list[tuple[str, str]] = list(key.pairs) if key.pairs else [(name, "") for name in key.items]
        chosen = [shown[place] for place in random.permutation(len(shown))][: max(1, round(rater.share * len(shown)))]
        trials = [(pair, 0) for pair in chosen] + [(pair, 1) for pair in chosen[: key.repeats]]
        for trial, ((item, other), repeat) in enumerate(trials, start=1):
            if other and random.random() < 0.5:
                item, other = other, item
            for question in key.questions:
                answer = self._choice(rater, item, other) if other else str(self._score(rater, item))
                kind = "pair" if other else "acr"
                rows.append(self._row(rater, trial, kind, item, other, question.id, answer, repeat))
        return rows

    def text(self, raters: Sequence[Rater]) -> str:
        """One file with the ratings of these raters."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        for rater in raters:
            writer.writerows(self.rows(rater))
        return out.getvalue()

    def ratings(self, raters: Sequence[Rater]) -> list[Rating]:
        """The same as answers, without a file."""
        value = {"left": 1, "right": 0}
        return [
            Rating(
                row[1],
                row[3],
                row[4],
                row[5],
                row[6],
                value[row[7]] if row[7] in value else int(row[7]),
                int(row[8]),
                int(row[2]),
                int(row[9]),
                "simulated",
            )
            for rater in raters
            for row in self.rows(rater)
        ]

    def files(self, folder: Path, raters: Sequence[Rater]) -> list[Path]:
        """A file for each rater, named as the page names it."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for rater in raters:
            path = folder / f"ratings-{self.key.study}-{rater.name}.csv"
            path.write_bytes(self.text([rater]).encode())
            paths.append(path)
        return paths

    def _score(self, rater: Rater, item: str) -> int:
        if rater.care == "random":
            return int(self.random.integers(1, 6))
        if rater.care == "same":
            return 4
        worth = self.quality[item] if rater.care != "reversed" else 6 - self.quality[item]
        return int(np.clip(np.rint(worth + rater.bias + rater.noise * self.random.standard_normal()), 1, 5))

    def _choice(self, rater: Rater, left: str, right: str) -> str:
        lead = SCALE * (self.quality[left] - self.quality[right]) * (-1 if rater.care == "reversed" else 1)
        chance = {"random": 0.5, "left": 1.0}.get(rater.care, 1 / (1 + float(np.exp(-lead / (rater.noise / 0.7)))))
        return "left" if self.random.random() < chance else "right"

    def _row(
        self, rater: Rater, trial: int, kind: str, item: str, other: str, question: str, rating: str, repeat: int
    ) -> list[str]:
        stamp = f"2026-01-31T12:{trial // 60 % 60:02d}:{trial % 60:02d}.000Z"
        return [self.key.study, rater.name, str(trial), kind, item, other, question, rating, str(repeat), "3000", stamp]
