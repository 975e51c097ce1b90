"""What people said in a study: the file that `lsbench mos read --out` writes and boards show."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from lsbench.board.column import Column, Pair
from lsbench.errors import ComparisonError, StudyError
from lsbench.run.result import Score
from lsbench.statistics.letters import letters
from lsbench.statistics.permutation import ALPHA
from lsbench.system import shape, strict_json
from lsbench.system.cache import write_atomically
from lsbench.system.outputs import demand_file
from lsbench.system.strict_json import encode

FORMAT = 1
PREFIX = "mos/"  # of the keys under which boards show what people said: mos/overall
EXPECTED = "expected what `lsbench mos read --out` wrote"


@dataclass(frozen=True)
class RatedGenerator:
    """A score by people with its 95 % interval. ratings: how many answers it rests on. group: tie letters."""

    generator: str
    value: float
    low: float
    high: float
    ratings: int
    group: str


@dataclass(frozen=True)
class RatedPair:
    """Two generators: one less other. p: corrected for all pairs (Holm). raters_needed: to find it with 80 % power."""

    one: str
    other: str
    difference: float
    low: float
    high: float
    p: float
    raters_needed: float


@dataclass(frozen=True)
class RatedClip:
    """A score of one clip of one generator, its interval over other raters."""

    generator: str
    clip: str
    value: float
    low: float
    high: float
    ratings: int


@dataclass(frozen=True)
class RaterAgreement:
    """Krippendorff's alpha at a level of measurement."""

    level: str
    alpha: float
    low: float
    high: float


@dataclass(frozen=True)
class Correlation:
    """A correlation, or a share, with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class MetricAgreement:
    """How far a metric agrees with people; more is better whichever way the metric runs.

    rank: among the metrics, by `within`; those without clip values follow, by their generators' srcc. clip: over all
    (generator, clip); within: Spearman's among the generators of a clip, mean over clips; generator: over generators.
    accuracy: share of the `pairs` of generators on one clip that people separate which the metric orders as they do.
    """

    rank: int | None
    key: str
    better: str
    points: int
    clips: int
    generators: int
    pairs: int
    clip_plcc: Correlation
    clip_srcc: Correlation
    clip_kendall: Correlation
    within: Correlation
    accuracy: Correlation
    generator_plcc: Correlation
    generator_srcc: Correlation
    generator_kendall: Correlation


@dataclass(frozen=True)
class QuestionResult:
    """What people said to one question. detectable: the difference these raters find (80 % power, median pair).

    raters_needed: for the difference that the reader asked for. metrics: none where they were not compared.
    """

    id: str
    text: str
    scores: tuple[RatedGenerator, ...]
    pairs: tuple[RatedPair, ...]
    clips: tuple[RatedClip, ...]
    agreement: tuple[RaterAgreement, ...]
    detectable: float
    raters_needed: float
    metrics: tuple[MetricAgreement, ...]

    def score(self, generator: str) -> RatedGenerator | None:
        return next((score for score in self.scores if score.generator == generator), None)


@dataclass(frozen=True)
class RaterReport:
    """What became of one rater."""

    rater: str
    kept: bool
    reasons: tuple[str, ...]
    flags: tuple[str, ...]
    figures: Mapping[str, Any]


@dataclass(frozen=True)
class StudyResult:
    """A study, read: what people said.

    Attributes:
        study: Its id.
        method: acr (scores 1 to 5) or pairs (Bradley-Terry, log-odds of mean 0).
        protocol: Name and digest of its runs' protocol.
        raters: What became of each.
        questions: What they said to each question, the whole (overall) last.
        difference: One that the reader wants to find.
        notes: What must be read with it.
    """

    study: str
    method: str
    protocol: Mapping[str, str]
    raters: tuple[RaterReport, ...]
    questions: tuple[QuestionResult, ...]
    difference: float | None
    notes: tuple[str, ...]

    @property
    def kept(self) -> int:
        return sum(rater.kept for rater in self.raters)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of its scores on a board."""
        return tuple(PREFIX + question.id for question in self.questions)

    def question(self, key: str) -> QuestionResult:
        """The question behind a key of a board."""
        return next(question for question in self.questions if PREFIX + question.id == key)

    def scores_of(self, generators: Collection[str]) -> dict[str, dict[str, Score]]:
        """The scores of these generators as a board shows them: by key and generator, keys of which one has a score."""
        scores = {
            key: {
                rated.generator: Score(rated.value, "higher", self.signature, 0)
                for rated in self.question(key).scores
                if rated.generator in generators
            }
            for key in self.keys
        }
        return {key: by_generator for key, by_generator in scores.items() if by_generator}

    @property
    def signature(self) -> str:
        return f"mos.1|study:{self.study}|method:{self.method}|raters:{self.kept}"

    def clip_values(self, generator: str) -> dict[str, dict[str, float]]:
        """By key and clip what people said of a generator's single clips."""
        values = {
            key: {rated.clip: rated.value for rated in self.question(key).clips if rated.generator == generator}
            for key in self.keys
        }
        return {key: by_clip for key, by_clip in values.items() if by_clip}


@dataclass(frozen=True, eq=False)
class PeopleColumn(Column):
    """A column of what people said: intervals and tests are the study's, over other raters and other clips."""

    by_people: ClassVar[bool] = True
    decimals: ClassVar[int | None] = 2

    question: QuestionResult

    @cached_property
    def letters(self) -> dict[str, str]:
        """Tie groups of the board's own generators."""
        apart = [[self._pair(one, other).p < ALPHA for other in self.order] for one in self.order]
        count = len(self.order)
        return dict(zip(self.order, letters(np.array(apart, bool).reshape(count, count)), strict=True))

    def interval(self, generator: str) -> tuple[float, float]:
        rated = self.question.score(generator)
        return (rated.low, rated.high) if rated else (math.nan, math.nan)

    def pairs(self, names: Sequence[tuple[str, str]]) -> list[Pair]:
        """More raters, not more clips, are what a difference takes: see `lsbench mos read`."""
        return [self._pair(one, other) for one, other in names]

    def describe(self) -> tuple[str, str]:
        return self.question.text, "people who rated the videos, lsbench mos read"

    def _pair(self, one: str, other: str) -> Pair:
        for pair in self.question.pairs:
            if (pair.one, pair.other) == (one, other):
                return Pair(one, other, pair.difference, pair.low, pair.high, pair.p, math.nan, math.nan)
            if (pair.one, pair.other) == (other, one):
                return Pair(one, other, -pair.difference, -pair.high, -pair.low, pair.p, math.nan, math.nan)
        return Pair(one, other, *[math.nan] * 6)


def demand_of_board(study: StudyResult, digest: str, generators: Sequence[str]) -> None:
    """ComparisonError where a study is of another protocol than the board, or of none of its generators."""
    if study.protocol["digest"] != digest:
        raise ComparisonError(
            f"study {study.study} is of protocol {study.protocol['name']} ({study.protocol['digest'][:12]}), "
            f"the runs are of another ({digest[:12]}); pass runs of the study's protocol"
        )
    rated = {score.generator for question in study.questions for score in question.scores}
    if not rated & set(generators):
        raise ComparisonError(
            f"study {study.study} rated {', '.join(sorted(rated))}; none of them is among the runs "
            f"{', '.join(generators)}. Pass the runs that the study was made of"
        )


def to_json(study: StudyResult) -> str:
    """The file's content: strict JSON, undefined values null, infinite ones as text."""
    return strict_json.text({"format": FORMAT, **encode(asdict(study))})


def demand_place(path: Path, inputs: Iterable[Path] = ()) -> None:
    """OutputError where something else stands at the path of a study's result, or it is what is read."""
    demand_file(path, "lsbench mos read", _is_study_result, inputs)


def write_study_result(path: Path, study: StudyResult) -> None:
    """Write what people said as a file that boards read.

    Raises:
        OutputError: Something else stands there.
        StudyError: The file cannot be written.
    """
    demand_place(path)
    try:
        write_atomically(path, lambda file: file.write(to_json(study).encode()))
    except OSError as error:
        raise StudyError(f"{path}: cannot be written ({error}); pass another --out") from error


def _is_study_result(path: Path) -> bool:
    try:
        read_study_result(path)
    except StudyError:
        return False
    return True


def read_study_result(path: Path) -> StudyResult:
    """Read what people said.

    Args:
        path: The file that `lsbench mos read --out` wrote.

    Returns:
        The study, for leaderboard(study=...).

    Raises:
        StudyError: The file cannot be read or is another; it names what is wrong with it.
    """
    try:
        content = strict_json.read(path)
    except (OSError, ValueError) as error:
        raise StudyError(f"human ratings {path}: not readable ({error}); {EXPECTED}") from error
    form = content.pop("format", None)
    if isinstance(form, bool) or form != FORMAT:
        raise StudyError(f"human ratings {path}: not of format {FORMAT}; {EXPECTED}")
    try:
        study: StudyResult = shape.of(StudyResult)(content, "")
    except ValueError as error:
        raise StudyError(f"human ratings {path}: {error}; {EXPECTED}") from error
    if not study.questions or set(study.protocol) != {"name", "digest"}:
        raise StudyError(f"human ratings {path}: no question, or no protocol; {EXPECTED}")
    return study
