"""What must be read with a board's numbers, in sentences."""

from __future__ import annotations

import math

import numpy as np

from lsbench.board.board import Board
from lsbench.board.column import Pair
from lsbench.board.people import QuestionResult
from lsbench.board.significance import Agreement
from lsbench.metrics._base.score_key import ScoreKey
from lsbench.protocol.manifest import first_few
from lsbench.report.text.pairs import significant_flips
from lsbench.run.result import Result
from lsbench.statistics.permutation import ALPHA, smallest_p

MOST_CLIP_NOTES = 12
MOST_TIES = 3  # neighbours that cannot be told apart, named one by one
SURELY = 1.645  # standard errors above 0, from which on neighbouring segments are said to be alike


def remarks(board: Board) -> list[str]:
    """Ties, disagreements of whole frame and mouth, what the tests are about, incomplete runs, notes of the scores."""
    lines = [
        *people(board),
        *ties(board),
        *map(against, board.whole_against_mouth()),
        *significant_flips(board.whole_against_mouth()),
        *stories(board),
        *grounds(board),
        *board.notes,
    ]
    by_note: dict[str, list[str]] = {}
    rows = [*board.rows, *board.anchors]
    for row in rows:
        result = row.result
        if not result.complete:
            lines.append(f"{result.name} is incomplete, {result.clips} of {result.expected} clips, and not ranked")
        for note in notes(result):
            by_note.setdefault(note, []).append(result.name)
    everyone = len(rows) if len(rows) > 1 else 0
    lines = [line for line in lines if line]
    for note, names in by_note.items():
        lines.append(f"{'all' if len(names) == everyone else ', '.join(names)}: {note}")
    return lines


def people(board: Board) -> list[str]:
    """Whose ratings the board shows, and which metric agrees with them best."""
    study = board.study
    if study is None:
        return []
    unit = "scores from 1 to 5" if study.method == "acr" else "Bradley-Terry scores, log-odds with mean 0"
    lines = [
        f"mos: {study.kept} of {len(study.raters)} raters of study {study.study}, {unit}; intervals and tests "
        "are the study's, over other raters and other clips"
    ]
    return lines + [line for question in study.questions for line in best_metric(question)]


def best_metric(question: QuestionResult) -> list[str]:
    """The metric that orders the generators of a clip most as people do, in a sentence."""
    if not question.metrics or question.metrics[0].rank is None:
        return []
    best = question.metrics[0]
    interval = "" if math.isnan(best.within.low) else f" (95 % {best.within.low:.2f} to {best.within.high:.2f})"
    told = ""
    if best.pairs:
        told = f", and as they do {best.accuracy.value:.0%} of the {best.pairs} pairs that they tell apart"
    return [
        f"mos/{question.id}: of {len(question.metrics)} metrics {best.key} orders the generators of a clip most as "
        f"people do, Spearman's {best.within.value:.2f}{interval}{told}"
    ]


def ties(board: Board) -> list[str]:
    """Neighbours on the board that cannot be told apart, and what they would take."""
    open_pairs = [pair for pair in board.neighbours() if not math.isnan(pair.p) and not pair.significant]
    lines = [f"{board.rank_by}: {tie(pair, board.column().drawn)}" for pair in open_pairs[:MOST_TIES]]
    rest = len(open_pairs) - MOST_TIES
    return lines + ([f"{board.rank_by}: {rest} more neighbours cannot be told apart"] if rest > 0 else [])


def tie(pair: Pair, drawn: str) -> str:
    """That two generators cannot be told apart, and how many clips or segments that would take."""
    needed = "" if not math.isfinite(pair.clips_needed) else f"; about {pair.clips_needed:,.0f} {drawn}s might"
    return f"{pair.one} and {pair.other} cannot be told apart (p = {pair.p:.2g}){needed}"


def against(agreement: Agreement) -> str:
    """How whole frame and mouth rank the generators, in a sentence; empty where there is nothing to rank."""
    if not agreement.pairs or math.isnan(agreement.tau):
        return ""
    metric = ScoreKey.parse(agreement.one).spec
    interval = "" if math.isnan(agreement.low) else f", 95 % {agreement.low:.2f} to {agreement.high:.2f}"
    tau = f"Kendall's tau {agreement.tau:.2f}{interval}"
    if not agreement.flips:
        return f"{metric}: whole frame and mouth rank no pair of generators in opposite order ({tau})"
    real = sum(flip.significant for flip in agreement.flips)
    return (
        f"{metric}: whole frame and mouth rank {len(agreement.flips)} of {agreement.pairs} pairs of generators in "
        f"opposite order, {real} of them significantly ({tau})"
    )


def stories(board: Board) -> list[str]:
    """Which two scores of different metrics rank the generators least alike."""
    keys, taus = board.metric_keys, board.significance.taus  # people's keys are the last ones
    pairs = [
        (taus[i, j], keys[i], keys[j])
        for i in range(len(keys))
        for j in range(i)
        if ScoreKey.parse(keys[i]).spec != ScoreKey.parse(keys[j]).spec and not np.isnan(taus[i, j])
    ]
    if not pairs or min(pairs)[0] == 1:
        return []
    tau, one, other = min(pairs)
    return [f"of any two metrics, {other} and {one} rank the generators least alike (Kendall's tau {tau:.2f})"]


def grounds(board: Board) -> list[str]:
    """What intervals and tests are about, what they can find, and why there are none."""
    significance, column = board.significance, board.column()
    units = significance.units
    if not significance.clip_values.names:
        return []
    if units.freedom and not np.isfinite(significance.clip_values.influence).any():
        return ["no intervals: the runs hold no clip values to draw from; the same score commands add them"]
    lines = [units.note]
    detectable = significance.detectable(column.key)
    if math.isfinite(detectable):
        corrected = "" if significance.tests(column.key) < 2 else " after correction for all pairs"
        rows = f"{len(units.of_row)} {units.row}s"
        line = f"{column.key}: {rows} tell {detectable:.2g} apart (80 % power{corrected}, the median pair)"
        if math.isfinite(board.clips_needed):
            line += f"; {board.difference:g} takes about {board.clips_needed:,.0f} {units.row}s"
        lines.append(line)
    alike = significance.alike(column.key)
    if alike * math.sqrt(len(units.of_row)) > SURELY:
        narrow = math.sqrt((1 + alike) / (1 - alike)) if alike < 1 else math.inf
        lines.append(
            f"{column.key}: neighbouring segments correlate ({alike:.2f}), which makes intervals about {narrow:.1f} "
            "times too narrow; longer segments (--segment) mend that"
        )
    compared = len(column.ranks)
    pairs = compared * (compared - 1) / 2
    if not column.by_people and units.freedom and smallest_p(units.count) * pairs >= ALPHA:
        lines.append(
            f"{compared} generators are too many for {units.count} {units.by}s: no pair can be told apart after "
            "correction for all pairs"
        )
    return lines


def notes(result: Result) -> list[str]:
    """What must be read with one run's numbers, keys that share a reason together."""
    said = []
    if result.compared_frames < result.reference_frames:
        said.append(f"{result.compared_frames} of {result.reference_frames} reference frames compared")
    reasons: dict[str, list[str]] = {}
    for key, why in result.unavailable.items():
        reasons.setdefault(f"not measured: {why}", []).append(key)
    for key, score in result.scores.items():
        if score.note:
            reasons.setdefault(score.note, []).append(key)
    said += [f"{_short(result, keys)}: {reason}" for reason, keys in reasons.items()]
    return said + clip_notes(result)


def clip_notes(result: Result) -> list[str]:
    """What was changed and seen in the clips of a run, clips that share a note together, the commonest first."""
    clips: dict[str, list[str]] = {}
    for clip_id, sentences in result.notes.items():
        for sentence in sentences:
            clips.setdefault(sentence, []).append(clip_id)
    lines = [f"{_clips(ids)}: {text}" for text, ids in sorted(clips.items(), key=lambda item: -len(item[1]))]
    hidden = len(lines) - MOST_CLIP_NOTES
    return [*lines[:MOST_CLIP_NOTES], *([f"{hidden} more notes on clips are in result.json"] if hidden > 0 else [])]


def _clips(ids: list[str]) -> str:
    return f"clip {ids[0]}" if len(ids) == 1 else f"{len(ids)} clips ({first_few(ids)})"


def _short(result: Result, keys: list[str]) -> str:
    """The keys, with one name for a metric whose regions are all among them."""
    every = [*result.scores, *result.unavailable]
    named = []
    for key in keys:
        metric = ScoreKey.parse(key).spec
        whole = all(other in keys for other in every if ScoreKey.parse(other).spec == metric)
        named.append(metric if whole else key)
    return ", ".join(dict.fromkeys(named))
