"""The key of a study: which item is which clip of which generator. It stays with the experimenter, never with raters.

A JSON file of format 1, read strictly: every field must be there and as described, and no other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from lsbench.errors import StudyError
from lsbench.system import shape, strict_json
from lsbench.system.cache import write_atomically

FORMAT = 1
METHODS = ("acr", "pairs")
QUESTIONS = ("sync", "mouth", "overall")
REFERENCE = "reference"  # the generator of the real clips, which are rated among the others
COLUMNS = (
    "study",
    "rater",
    "trial",
    "kind",
    "item",
    "other",
    "question",
    "rating",
    "repeat",
    "played_ms",
    "answered_at",
)
"""The columns of a file of ratings, one row an answer.

kind: headphones (item: number of the check from 1, question: headphones, rating: 1 right, 0 wrong), acr (item: its id,
other empty, rating: 1 to 5), or pair (item and other: the ids shown left and right, rating: left or right). trial:
from 1 in the order shown, the headphone checks counted on their own. repeat: 0 the first showing to this rater, 1 the
second. played_ms: of its videos in this trial. answered_at: ISO 8601, UTC.
"""

STUDY = re.compile(r"[0-9a-f]{16}")
ITEM = re.compile(r"[bcdfghjklmnpqrstvwxz]{10}")  # neither a word nor, to a spreadsheet, a number
SECRET = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class KeyRun:
    """A run of the study: the generator's name, and where its folder lay."""

    name: Annotated[str, shape.name]
    path: Annotated[str, shape.name]


@dataclass(frozen=True)
class KeyItem:
    """What one item is. generator: a run's name, or REFERENCE. speaker: empty where unknown. sha256: of the
    video that the run scored."""

    generator: Annotated[str, shape.name]
    clip: Annotated[str, shape.name]
    speaker: str
    sha256: Annotated[str, shape.pattern(shape.SHA256)]


@dataclass(frozen=True)
class Question:
    """What raters are asked."""

    id: Annotated[str, shape.name]
    text: Annotated[str, shape.name]


@dataclass(frozen=True)
class StudyKey:
    """Everything that ratings are read with.

    study: its id, which the page and every file of ratings bear. repeats: items that each rater sees twice. checks,
    passing: how many headphone checks there are, and how many right ones tell headphones. protocol: name and digest
    of the one that all runs follow. items: by id. pairs: ids that are compared, both of one clip; empty for acr.
    """

    study: str
    method: str
    seed: int
    secret: str
    questions: tuple[Question, ...]
    scale: tuple[int, int]
    repeats: int
    checks: int
    passing: int
    protocol: Mapping[str, str]
    runs: tuple[KeyRun, ...]
    items: Mapping[str, KeyItem]
    pairs: tuple[tuple[str, str], ...]

    @property
    def generators(self) -> tuple[str, ...]:
        """The reference, then the runs in the order given."""
        return (REFERENCE, *(run.name for run in self.runs))


def key_text(key: StudyKey) -> str:
    """The key as a JSON document."""
    content = {
        "format": FORMAT,
        "study": key.study,
        "method": key.method,
        "seed": key.seed,
        "secret": key.secret,
        "questions": [asdict(question) for question in key.questions],
        "scale": list(key.scale),
        "repeats": key.repeats,
        "headphones": {"checks": key.checks, "pass": key.passing},
        "protocol": {name: key.protocol[name] for name in ("name", "digest")},
        "runs": [asdict(run) for run in key.runs],
        "items": {name: asdict(key.items[name]) for name in sorted(key.items)},
        "pairs": [list(pair) for pair in key.pairs],
    }
    return strict_json.text(content)


def write_key(path: Path, key: StudyKey) -> None:
    """Write the key, whole or not at all; StudyError where it cannot be."""
    try:
        write_atomically(path, lambda file: file.write(key_text(key).encode()))
    except OSError as error:
        raise StudyError(f"{path}: the key cannot be written ({error}); pass another --key") from error


def read_key(path: Path) -> StudyKey:
    """Read a key; StudyError, naming the field, where the file is not one."""
    try:
        content = strict_json.read(path)
    except FileNotFoundError:
        raise StudyError(
            f"{path}: no such file; expected the key that `lsbench mos make` wrote beside the page"
        ) from None
    except OSError as error:
        raise StudyError(f"{path}: the key cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise StudyError(f"{path}: not a key of a study: {error}") from None
    try:
        return _parsed(content)
    except ValueError as fault:
        raise StudyError(
            f"{path}: not a key of a study: {fault}. Expected the file as `lsbench mos make` wrote it"
        ) from None


_KEY = shape.record(
    {
        "format": shape.choice(FORMAT),
        "study": shape.pattern(STUDY),
        "method": shape.choice(*METHODS),
        "seed": shape.whole(),
        "secret": shape.pattern(SECRET),
        "questions": shape.listed(shape.of(Question)),
        "scale": shape.choice([1, 5]),
        "repeats": shape.whole(),
        "headphones": shape.record({"checks": shape.whole(), "pass": shape.whole()}),
        "protocol": shape.record({"name": shape.name, "digest": shape.name}),
        "runs": shape.listed(shape.of(KeyRun), least=1),
        "items": shape.table(shape.of(KeyItem)),
        "pairs": shape.listed(shape.series(shape.text, shape.text)),
    }
)


def _parsed(content: Any) -> StudyKey:
    fields = _KEY(content, "")
    headphones, method = fields["headphones"], fields["method"]
    if tuple(question.id for question in fields["questions"]) != QUESTIONS:
        raise ValueError(f"questions are not {', '.join(QUESTIONS)}")
    if headphones["pass"] > headphones["checks"]:
        raise ValueError(f"headphones.pass is {headphones['pass']} of {headphones['checks']} checks")
    names = [run.name for run in fields["runs"]]
    if len(set(names)) != len(names) or REFERENCE in names:
        raise ValueError(f"the names of runs are {names}, expected each once, none of them {REFERENCE!r}")
    _demand_items(fields["items"], {REFERENCE, *names})
    _demand_pairs(fields["pairs"], method, fields["items"])
    own = {name: value for name, value in fields.items() if name not in ("format", "scale", "headphones")}
    return StudyKey(**own, scale=(1, 5), checks=headphones["checks"], passing=headphones["pass"])


def _demand_items(items: Mapping[str, KeyItem], generators: set[str]) -> None:
    if not items:
        raise ValueError("items is not a table with at least one item")
    seen: set[tuple[str, str]] = set()
    for name, item in items.items():
        shape.pattern(ITEM)(name, f"items.{name}, as an id,")
        if item.generator not in generators:
            raise ValueError(f"items.{name}.generator is {item.generator!r}, which is none of the runs")
        if (item.generator, item.clip) in seen:
            raise ValueError(f"items.{name}: {item.generator} on clip {item.clip} is there twice")
        seen.add((item.generator, item.clip))


def _demand_pairs(pairs: Sequence[tuple[str, str]], method: str, items: Mapping[str, KeyItem]) -> None:
    for index, (first, second) in enumerate(pairs):
        for name in (first, second):
            if name not in items:
                raise ValueError(f"pairs[{index}]: {name!r} is no item")
        if items[first].clip != items[second].clip or first == second:
            raise ValueError(f"pairs[{index}]: its items are not two of one clip")
    if len({frozenset(pair) for pair in pairs}) != len(pairs):
        raise ValueError("pairs holds a pair twice")
    if (method == "pairs") != bool(pairs):
        raise ValueError(f"method is {method}, but pairs has {len(pairs)} of them")
