"""The key of a study: which item is which clip of which generator. It stays with the experimenter, never with raters.

A JSON file of format 1, read strictly: every field must be there and as described, and no other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lsbench.errors import StudyError
from lsbench.system import strict_json
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
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class KeyRun:
    """A run of the study: the generator's name, and where its folder lay."""

    name: str
    path: str


@dataclass(frozen=True)
class KeyItem:
    """What one item is. generator: a run's name, or REFERENCE. speaker: empty where unknown. sha256: of the
    video that the run scored."""

    generator: str
    clip: str
    speaker: str
    sha256: str


@dataclass(frozen=True)
class Question:
    """What raters are asked."""

    id: str
    text: str


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
    except _Fault as fault:
        raise StudyError(
            f"{path}: not a key of a study: {fault}. Expected the file as `lsbench mos make` wrote it"
        ) from None


class _Fault(Exception):
    """What is wrong in a key."""


def _parsed(content: Any) -> StudyKey:
    if isinstance(content, dict) and content.get("format") != FORMAT:
        raise _Fault(f"format is {content.get('format')!r}, this version reads {FORMAT}")
    top = _fields(
        content,
        "the document",
        "format study method seed secret questions scale repeats headphones protocol runs items pairs",
    )
    method = _text(top["method"], "method")
    if method not in METHODS:
        raise _Fault(f"method is {method!r}, expected acr or pairs")
    questions = tuple(
        Question(*(_text(_fields(entry, f"questions[{index}]", "id text")[name], name) for name in ("id", "text")))
        for index, entry in enumerate(_list(top["questions"], "questions"))
    )
    if tuple(question.id for question in questions) != QUESTIONS:
        raise _Fault(f"questions are not {', '.join(QUESTIONS)}")
    if top["scale"] != [1, 5]:
        raise _Fault(f"scale is {top['scale']!r}, expected [1, 5]")
    headphones = _fields(top["headphones"], "headphones", "checks pass")
    checks = _count(headphones["checks"], "headphones.checks")
    passing = _count(headphones["pass"], "headphones.pass")
    if passing > checks:
        raise _Fault(f"headphones.pass is {passing} of {checks} checks")
    protocol = _fields(top["protocol"], "protocol", "name digest")
    runs = tuple(
        KeyRun(*(_text(_fields(entry, f"runs[{index}]", "name path")[name], name) for name in ("name", "path")))
        for index, entry in enumerate(_list(top["runs"], "runs"))
    )
    names = [run.name for run in runs]
    if not names or len(set(names)) != len(names) or REFERENCE in names:
        raise _Fault(f"the names of runs are {names}, expected one or more, each once, none of them {REFERENCE!r}")
    items = _items(top["items"], {REFERENCE, *names})
    return StudyKey(
        study=_pattern(top["study"], STUDY, "study"),
        method=method,
        seed=_count(top["seed"], "seed"),
        secret=_pattern(top["secret"], SECRET, "secret"),
        questions=questions,
        scale=(1, 5),
        repeats=_count(top["repeats"], "repeats"),
        checks=checks,
        passing=passing,
        protocol={name: _text(protocol[name], f"protocol.{name}") for name in ("name", "digest")},
        runs=runs,
        items=items,
        pairs=_pairs(top["pairs"], method, items),
    )


def _items(content: Any, generators: set[str]) -> dict[str, KeyItem]:
    if not isinstance(content, dict) or not content:
        raise _Fault("items is not an object with at least one item")
    items: dict[str, KeyItem] = {}
    seen: set[tuple[str, str]] = set()
    for name, entry in content.items():
        where = f"items.{name}"
        fields = _fields(entry, where, "generator clip speaker sha256")
        _pattern(name, ITEM, f"{where}, as an id,")
        item = KeyItem(
            generator=_text(fields["generator"], f"{where}.generator"),
            clip=_text(fields["clip"], f"{where}.clip"),
            speaker=fields["speaker"] if fields["speaker"] == "" else _text(fields["speaker"], f"{where}.speaker"),
            sha256=_pattern(fields["sha256"], SHA256, f"{where}.sha256"),
        )
        if item.generator not in generators:
            raise _Fault(f"{where}.generator is {item.generator!r}, which is none of the runs")
        if (item.generator, item.clip) in seen:
            raise _Fault(f"{where}: {item.generator} on clip {item.clip} is there twice")
        seen.add((item.generator, item.clip))
        items[name] = item
    return items


def _pairs(content: Any, method: str, items: Mapping[str, KeyItem]) -> tuple[tuple[str, str], ...]:
    pairs: list[tuple[str, str]] = []
    for index, entry in enumerate(_list(content, "pairs")):
        where = f"pairs[{index}]"
        if not (isinstance(entry, list) and len(entry) == 2 and all(isinstance(name, str) for name in entry)):
            raise _Fault(f"{where} is not two ids")
        first, second = entry
        for name in entry:
            if name not in items:
                raise _Fault(f"{where}: {name!r} is no item")
        if items[first].clip != items[second].clip or first == second:
            raise _Fault(f"{where}: its items are not two of one clip")
        pairs.append((first, second))
    if len({frozenset(pair) for pair in pairs}) != len(pairs):
        raise _Fault("pairs holds a pair twice")
    if (method == "pairs") != bool(pairs):
        raise _Fault(f"method is {method}, but pairs has {len(pairs)} of them")
    return tuple(pairs)


def _fields(content: Any, where: str, names: str) -> dict[str, Any]:
    """The object with exactly these fields."""
    wanted = names.split()
    if not isinstance(content, dict):
        raise _Fault(f"{where} is not an object")
    missing, unknown = [name for name in wanted if name not in content], sorted(content.keys() - set(wanted))
    if missing or unknown:
        said = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"has unknown {', '.join(unknown)}"] * bool(unknown)
        raise _Fault(f"{where} {' and '.join(said)}")
    return content


def _list(content: Any, where: str) -> list[Any]:
    if not isinstance(content, list):
        raise _Fault(f"{where} is not a list")
    return content


def _text(content: Any, where: str) -> str:
    if not isinstance(content, str) or not content:
        raise _Fault(f"{where} is {content!r}, expected text")
    return content


def _pattern(content: Any, pattern: re.Pattern[str], where: str) -> str:
    if not isinstance(content, str) or not pattern.fullmatch(content):
        raise _Fault(f"{where} is {content!r}, expected {pattern.pattern}")
    return content


def _count(content: Any, where: str) -> int:
    if not isinstance(content, int) or isinstance(content, bool) or content < 0:
        raise _Fault(f"{where} is {content!r}, expected a whole number from 0")
    return content
