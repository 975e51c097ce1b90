"""Two runs side by side in the terminal and as JSON: the first is called one, the second other."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from rich.console import Console

from lsbench.board.compare import Comparison, ScoreDifference
from lsbench.metrics._base.direction import oriented
from lsbench.report.text.console import plain_table, words
from lsbench.run.shown import number
from lsbench.system import strict_json
from lsbench.system.strict_json import encode

FIELDS = ["field", "one", "other", "moves"]
SCORES = ["score", "one", "other", "other - one", "95 %", "p", "ahead"]
CLIPS = ["clip", "one", "other", "other - one"]


def field_rows(comparison: Comparison) -> list[list[str]]:
    """The differing fields."""
    return [
        [field.field, str(field.one), str(field.other), "numbers" if field.decisive else "last digits"]
        for field in comparison.fields
    ]


def score_rows(comparison: Comparison) -> list[list[str]]:
    """The scores that both runs have."""
    return [_score_row(score) for score in comparison.scores]


def clip_rows(score: ScoreDifference, most: int) -> list[list[str]]:
    """The first clips of a score."""
    return [
        [clip.clip, number(clip.first), number(clip.second), signed(clip.difference)] for clip in score.clips[:most]
    ]


def signed(value: float) -> str:
    """A difference with its sign."""
    return f"+{number(value)}" if value > 0 else number(value)


def show_comparison(comparison: Comparison, listed: ScoreDifference | None, clips: int, out: Console) -> None:
    """Print the differing fields of two runs, their scores, and the clips of one score."""
    for which, result in (("one", comparison.first), ("other", comparison.second)):
        state = f"{result.clips} of {result.expected} clips{'' if result.complete else ', INCOMPLETE'}"
        state += "" if result.share == 1 else f", {result.share:.1%} of the frames"
        out.print(words(f"{which}: {result.name}, {state}, {result.path}"))
    if comparison.fields:
        out.print(plain_table(FIELDS, field_rows(comparison)))
    else:
        out.print(words("No field differs that can move a number."))
    if not comparison.comparable:
        out.print(words("Not comparable: the runs were made under different conditions, and nothing is tested."))
    if comparison.withheld:
        out.print(words(f"No differences: {comparison.withheld}."))
    if comparison.scores:
        out.print(plain_table(SCORES, score_rows(comparison)))
    if listed and listed.clips and clips:
        out.print(words(f"{listed.key} by clip, those where {comparison.second.name} loses most first:"))
        out.print(plain_table(CLIPS, clip_rows(listed, clips)))


def to_json(comparison: Comparison) -> str:
    """Everything: fields, scores, and every clip."""
    content = {
        "one": {"name": comparison.first.name, "path": str(comparison.first.path)},
        "other": {"name": comparison.second.name, "path": str(comparison.second.path)},
        "comparable": comparison.comparable,
        "withheld": comparison.withheld,
        "fields": [asdict(field) for field in comparison.fields],
        "scores": {score.key: _score(score) for score in comparison.scores},
    }
    return strict_json.text(content)


def _score(score: ScoreDifference) -> dict[str, Any]:
    pair = score.pair
    return {
        "better": score.better,
        "one": encode(score.first),
        "other": encode(score.second),
        "difference": encode(pair.difference),
        "low": encode(pair.low),
        "high": encode(pair.high),
        "p": encode(pair.p),
        "clips": [
            {
                "clip": clip.clip,
                "one": encode(clip.first),
                "other": encode(clip.second),
                "difference": encode(clip.difference),
            }
            for clip in score.clips
        ],
    }


def _score_row(score: ScoreDifference) -> list[str]:
    pair = score.pair
    interval = "" if math.isnan(pair.low) else f"{signed(pair.low)} to {signed(pair.high)}"
    ahead = "neither"
    if score.first != score.second:
        ahead = "other" if oriented(score.second, score.better) > oriented(score.first, score.better) else "one"
    if math.isnan(pair.p):
        ahead = "not tested"
    elif not pair.significant:
        ahead = "neither"
    p = "" if math.isnan(pair.p) else f"{pair.p:.2g}"
    return [score.key, number(score.first), number(score.second), signed(pair.difference), interval, p, ahead]
