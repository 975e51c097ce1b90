"""What people said in a study: the file that `lsbench mos read --out` writes and boards show."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from lsbench.errors import ComparisonError, StudyError
from lsbench.run.result import Result, Score
from lsbench.system.cache import write_atomically
from lsbench.system.strict_json import decode, encode

FORMAT = 1
PREFIX = "mos/"  # of the keys under which boards show what people said: mos/overall
EXPECTED = "expected what `lsbench mos read --out` wrote"


@dataclass(frozen=True)
class Opinion:
    """A score by people with its 95 % interval. ratings: how many answers it rests on. group: tie letters."""

    generator: str
    value: float
    low: float
    high: float
    ratings: int
    group: str


@dataclass(frozen=True)
class Apart:
    """Two generators: one less other. p: corrected for all pairs (Holm). raters_needed: to find it with 80 % power."""

    one: str
    other: str
    difference: float
    low: float
    high: float
    p: float
    raters_needed: float


@dataclass(frozen=True)
class ClipOpinion:
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
class QuestionOpinion:
    """What people said to one question. detectable: the difference these raters find (80 % power, median pair).

    raters_needed: for the difference that the reader asked for. metrics: none where they were not compared.
    """

    id: str
    text: str
    scores: tuple[Opinion, ...]
    pairs: tuple[Apart, ...]
    clips: tuple[ClipOpinion, ...]
    agreement: tuple[RaterAgreement, ...]
    detectable: float
    raters_needed: float
    metrics: tuple[MetricAgreement, ...]

    def score(self, generator: str) -> Opinion | None:
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
class Opinions:
    """A study, read. method: acr (scores 1 to 5) or pairs (Bradley-Terry, log-odds of mean 0). protocol: of its runs.

    difference: one that the reader wants to find. notes: what must be read with it.
    """

    study: str
    method: str
    protocol: Mapping[str, str]
    raters: tuple[RaterReport, ...]
    questions: tuple[QuestionOpinion, ...]
    difference: float | None
    notes: tuple[str, ...]

    @property
    def kept(self) -> int:
        return sum(rater.kept for rater in self.raters)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of its scores on a board."""
        return tuple(PREFIX + question.id for question in self.questions)

    def question(self, key: str) -> QuestionOpinion:
        """The question behind a key of a board."""
        return next(question for question in self.questions if PREFIX + question.id == key)

    def applied(self, result: Result) -> Result:
        """A run's result with what people said of its generator; as it is where they saw nothing of it."""
        added = {}
        for key in self.keys:
            score = self.question(key).score(result.name)
            if score is not None and result.scores:
                added[key] = Score(score.value, "higher", self.signature, 0, None)
        return replace(result, scores={**result.scores, **added}) if added else result

    @property
    def signature(self) -> str:
        return f"mos.1|study:{self.study}|method:{self.method}|raters:{self.kept}"

    def clip_values(self, generator: str) -> dict[str, dict[str, float]]:
        """By key and clip what people said of a generator's single clips."""
        found: dict[str, dict[str, float]] = {}
        for key in self.keys:
            held = {clip.clip: clip.value for clip in self.question(key).clips if clip.generator == generator}
            if held:
                found[key] = held
        return found


def demand_of_board(opinions: Opinions, digest: str, generators: Sequence[str]) -> None:
    """ComparisonError where a study is of another protocol than the board, or of none of its generators."""
    if opinions.protocol["digest"] != digest:
        raise ComparisonError(
            f"study {opinions.study} is of protocol {opinions.protocol['name']} ({opinions.protocol['digest'][:12]}), "
            f"the runs are of another ({digest[:12]}); pass runs of the study's protocol"
        )
    rated = {score.generator for question in opinions.questions for score in question.scores}
    if not rated & set(generators):
        raise ComparisonError(
            f"study {opinions.study} rated {', '.join(sorted(rated))}; none of them is among the runs "
            f"{', '.join(generators)}. Pass the runs that the study was made of"
        )


def to_json(opinions: Opinions) -> str:
    """The file's content: strict JSON, undefined values null, infinite ones as text."""
    return (
        json.dumps({"format": FORMAT, **encoded(asdict(opinions))}, indent=2, ensure_ascii=False, allow_nan=False)
        + "\n"
    )


def write_opinions(path: Path, opinions: Opinions) -> None:
    """Write the file; StudyError where it cannot be."""
    try:
        write_atomically(path, lambda file: file.write(to_json(opinions).encode()))
    except OSError as error:
        raise StudyError(f"{path}: cannot be written ({error}); pass another --out") from error


def read_opinions(path: Path) -> Opinions:
    """Read a file of write_opinions(); StudyError naming what is wrong with it."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise StudyError(f"human ratings {path}: not readable ({error}); {EXPECTED}") from error
    if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
        raise StudyError(f"human ratings {path}: not of format {FORMAT}; {EXPECTED}")
    try:
        found = _decoded(Opinions, content, "the document")
    except ValueError as error:
        raise StudyError(f"human ratings {path}: {error}; {EXPECTED}") from error
    if not found.questions or set(found.protocol) != {"name", "digest"}:
        raise StudyError(f"human ratings {path}: no question, or no protocol; {EXPECTED}")
    return found


def encoded(value: Any) -> Any:
    """A value as strict JSON can hold it."""
    if isinstance(value, dict):
        return {name: encoded(held) for name, held in value.items()}
    if isinstance(value, list | tuple):
        return [encoded(held) for held in value]
    return encode(value) if isinstance(value, float) else value


def _decoded(kind: Any, value: Any, where: str) -> Any:
    """A value of the type that the dataclasses above ask for, or ValueError saying where it is none."""
    origin, arguments = get_origin(kind), get_args(kind)
    if isinstance(kind, type) and hasattr(kind, "__dataclass_fields__"):
        names = {entry.name for entry in fields(kind)}
        if not isinstance(value, dict) or set(value) != names:
            raise ValueError(f"{where} has other fields than {', '.join(sorted(names))}")
        hints = get_type_hints(kind)
        return kind(**{name: _decoded(hints[name], held, f"{where}.{name}") for name, held in value.items()})
    if origin is tuple:
        if not isinstance(value, list):
            raise ValueError(f"{where} is no list")
        return tuple(_decoded(arguments[0], held, f"{where}[{place}]") for place, held in enumerate(value))
    if origin is UnionType:
        if value is None and NoneType in arguments:
            return None
        return _decoded(next(argument for argument in arguments if argument is not NoneType), value, where)
    if kind is float:
        if isinstance(value, bool) or not (isinstance(value, int | float) or value in (None, "inf", "-inf")):
            raise ValueError(f"{where} is {value!r}, no number")
        return decode(value)
    wanted = dict if origin is not None and issubclass(origin, Mapping) else kind
    if (
        wanted is dict
        and isinstance(value, dict)
        and arguments[1] is str
        and not all(isinstance(v, str) for v in value.values())
    ):
        raise ValueError(f"{where} holds what is no text")
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        raise ValueError(f"{where} is {value!r}, no {wanted.__name__}")
    return value
