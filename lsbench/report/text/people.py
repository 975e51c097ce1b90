"""What people said, as tables: generators, differences, raters, and the metrics that agree with them."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from lsbench.board.people import Correlation, MetricAgreement, QuestionResult, StudyResult
from lsbench.metrics._base.direction import ARROWS
from lsbench.report.text.tables import Cell
from lsbench.system.strict_json import encode

REFERENCE = "reference"
CAPTION = (
    "Best first by agreement within clips: Spearman's correlation over the generators of a clip, mean over clips. "
    "pairs: of the generators that people tell apart on one clip, the share that the metric orders as they do. "
    "plcc, srcc, tau: over all clips of all generators (Pearson, Spearman, Kendall's tau-b; where people chose between "
    "two, less the clip's mean), then over generators. In "
    "brackets 95 % intervals. + is agreement, whichever way the metric runs; the real videos are left out."
)
METRIC_HEADER = (
    "",
    "metric",
    "within clips",
    "pairs",
    "plcc",
    "srcc",
    "tau",
    "plcc, generators",
    "srcc, generators",
    "tau, generators",
    "points",
)


@dataclass(frozen=True)
class PeopleTable:
    """A table of the report: texts."""

    title: str
    caption: str
    header: tuple[str, ...]
    rows: list[list[str]]


def people_tables(study: StudyResult) -> list[PeopleTable]:
    """For each question whose metrics were compared, the ranked table; the last question, the whole, first."""
    return [
        PeopleTable(f"{question.id}: {question.text}", CAPTION, METRIC_HEADER, metric_lines(question))
        for question in reversed(study.questions)
        if question.metrics
    ]


def metric_lines(question: QuestionResult) -> list[list[str]]:
    """Rows of METRIC_HEADER for people."""
    return [
        [
            "-" if metric.rank is None else str(metric.rank),
            f"{metric.key} {ARROWS[metric.better]}",
            _within(metric.within),
            f"{_within(metric.accuracy)} of {metric.pairs}" if metric.pairs else "-",
            *map(_within, (metric.clip_plcc, metric.clip_srcc, metric.clip_kendall)),
            *map(_within, (metric.generator_plcc, metric.generator_srcc, metric.generator_kendall)),
            f"{metric.points} in {metric.clips} clips" if metric.points else f"{metric.generators} generators",
        ]
        for metric in question.metrics
    ]


def metric_cells(question: QuestionResult) -> tuple[list[str], list[list[Cell]]]:
    """Header and rows of the same for programs: every figure in full, with its interval."""
    figures = [name for name, kind in MetricAgreement.__annotations__.items() if kind == "Correlation"]
    plain = [name for name in MetricAgreement.__annotations__ if name not in figures]
    header = [
        "question",
        *plain,
        *[f"{name} {part}".removesuffix(" value") for name in figures for part in ("value", "low", "high")],
    ]
    rows: list[list[Cell]] = []
    for metric in question.metrics:
        row: list[Cell] = [question.id, *[getattr(metric, name) for name in plain]]
        for name in figures:
            figure = getattr(metric, name)
            row += [figure.value, figure.low, figure.high]
        rows.append(row)
    return header, rows


def score_cells(study: StudyResult) -> tuple[list[str], list[list[Cell]]]:
    """Header and rows of the generators' scores, questions below each other, with the difference to the real videos."""
    header = ["question", "generator", "score", "low", "high", "group", "ratings"]
    header += ["less real", "less real low", "less real high", "less real p"]
    rows: list[list[Cell]] = []
    for question in study.questions:
        for score in question.scores:
            row: list[Cell] = [
                question.id,
                score.generator,
                score.value,
                score.low,
                score.high,
                score.group,
                score.ratings,
            ]
            rows.append(row + _to_real(question, score.generator))
    return header, rows


def _to_real(question: QuestionResult, generator: str) -> list[Cell]:
    for pair in question.pairs:
        if (pair.one, pair.other) == (REFERENCE, generator):
            return [-pair.difference, -pair.high, -pair.low, pair.p]
        if (pair.one, pair.other) == (generator, REFERENCE):
            return [pair.difference, pair.low, pair.high, pair.p]
    return [None] * 4


def score_lines(question: QuestionResult) -> list[list[str]]:
    """The generators' scores for people: score, tie group, difference to the real videos, ratings."""
    lines = []
    for score in question.scores:
        apart, low, high, p = _to_real(question, score.generator)
        told = "" if not isinstance(apart, float) else f"{apart:+.2f}{_ends(low, high)}{_p(p)}"
        lines.append(
            [score.generator, f"{score.value:.2f}{_ends(score.low, score.high)}", score.group, told, str(score.ratings)]
        )
    return lines


SCORE_HEADER = ("generator", "score (95 %)", "group", "less the real videos", "ratings")


def rater_lines(study: StudyResult) -> list[list[str]]:
    """What became of every rater: those left out first."""
    lines = []
    for rater in sorted(study.raters, key=lambda rater: (rater.kept, not rater.reasons, not rater.flags)):
        state = "kept" if rater.kept else "LEFT OUT"
        figures = [_figure(rater.figures.get(name)) for name, _ in FIGURES[study.method]]
        lines.append([rater.rater, state, *figures, "; ".join([*rater.reasons, *rater.flags])])
    return lines


FIGURES = {
    "acr": (("r1", "r1"), ("r2", "r2"), ("repeat_distance", "repeats apart"), ("trials", "trials")),
    "pairs": (
        ("majority", "with majority"),
        ("left", "left"),
        ("repeat_agreement", "same again"),
        ("trials", "trials"),
    ),
}


def rater_header(study: StudyResult) -> list[str]:
    """Of rater_lines(). r1, r2: correlation with the others, over videos and over generators."""
    return ["rater", "", *(title for _, title in FIGURES[study.method]), "why, and what to know"]


def _figure(value: Any) -> str:
    return "-" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)


def agreement_line(question: QuestionResult) -> str:
    """How far raters agree, in a sentence."""
    alphas = [
        f"{agreement.alpha:.2f}{_ends(agreement.low, agreement.high)} ({agreement.level})"
        for agreement in question.agreement
    ]
    return f"{question.id}: raters agree with Krippendorff's alpha {', '.join(alphas)}"


def power_lines(study: StudyResult, question: QuestionResult) -> list[str]:
    """What these raters find, what pairs that they do not tell apart would take, and the wanted difference."""
    lines = []
    if not math.isnan(question.detectable):
        lines.append(
            f"{question.id}: {study.kept} raters tell {question.detectable:.2f} apart (80 % power, the median pair)"
        )
    if study.difference is not None and not math.isnan(question.raters_needed):
        lines.append(f"{question.id}: {study.difference:g} takes {_raters(question.raters_needed, study.kept)}")
    rank = {score.generator: position for position, score in enumerate(question.scores)}
    for pair in question.pairs:
        if rank[pair.other] - rank[pair.one] == 1 and not pair.p < 0.05 and not math.isnan(pair.p):
            takes = _raters(pair.raters_needed, study.kept)
            lines.append(
                f"{question.id}: {pair.one} and {pair.other} cannot be told apart ({pair.difference:.2f}, "
                f"p = {pair.p:.2g}); at 80 % power that takes {takes}"
            )
    return lines


def _raters(needed: float, kept: int) -> str:
    if math.isinf(needed):
        return "more clips: no number of raters would do"
    more = needed - kept
    return (
        f"about {more:,.0f} more raters ({needed:,.0f} in all)" if more > 0 else f"{needed:,.0f} raters, who are there"
    )


def study_record(study: StudyResult) -> dict[str, Any]:
    """The study behind a board, for its JSON."""
    return {
        "study": study.study,
        "method": study.method,
        "raters": len(study.raters),
        "kept": study.kept,
        "notes": list(study.notes),
        "questions": [
            {
                "id": question.id,
                "text": question.text,
                "agreement": [encode(asdict(agreement)) for agreement in question.agreement],
                "metrics": [encode(asdict(metric)) for metric in question.metrics],
            }
            for question in study.questions
        ],
    }


def _within(figure: Correlation) -> str:
    return "-" if math.isnan(figure.value) else f"{figure.value:.2f}{_ends(figure.low, figure.high)}"


def _ends(low: Cell, high: Cell) -> str:
    if not isinstance(low, float) or not isinstance(high, float) or math.isnan(low):
        return ""
    return f" [{low:.2f}, {high:.2f}]"


def _p(p: Cell) -> str:
    return f", p = {p:.2g}" if isinstance(p, float) and not math.isnan(p) else ""
