"""Files of ratings: read and validated against the key of their study."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lsbench.errors import StudyError
from lsbench.mos.key import COLUMNS, StudyKey
from lsbench.registry import unknown
from lsbench.system.small_files import read_small_text

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
HEADPHONES, ACR, PAIR = "headphones", "acr", "pair"
KIND_OF = {"acr": ACR, "pairs": PAIR}
SIDES = {"left": 1, "right": 0}


@dataclass(frozen=True)
class Rating:
    """One answer. value: 1 to 5 of acr; of a pair 1 where the left, `item`, was preferred; of headphones 1 if right."""

    rater: str
    kind: str
    item: str
    other: str
    question: str
    value: int
    repeat: int
    trial: int
    played_ms: int
    where: str


def read_ratings(paths: Iterable[Path], key: StudyKey) -> list[Rating]:
    """Every answer in these files, in their order; a path that is there twice is read once.

    Raises:
        StudyError: With file and line: a file is no file of ratings, is cut off, is of another study or method, names
            what the key does not know, has a rating out of range, or an answer that was read already.
    """
    ratings: list[Rating] = []
    seen: dict[tuple[object, ...], Rating] = {}
    for path in dict.fromkeys(path.resolve() for path in paths):
        for rating in _read(path, key):
            first = seen.setdefault(_identity(rating), rating)
            if first is not rating:
                _refuse_twice(rating, first)
            ratings.append(rating)
    if not any(rating.kind != HEADPHONES for rating in ratings):
        raise StudyError("the files hold no rating; expected what raters saved at the end of the study")
    return ratings


def _identity(rating: Rating) -> tuple[object, ...]:
    """What may be answered once."""
    shown = frozenset({rating.item, rating.other})
    return rating.rater, rating.kind, shown, rating.question, rating.repeat


def _refuse_twice(rating: Rating, first: Rating) -> None:
    what = f"rater {rating.rater} has answered {rating.question} of {rating.item} already"
    same = rating.value == first.value and rating.item == first.item
    how = "the same row; remove one" if same else "another answer; which file is the rater's own? Keep that one only"
    raise StudyError(f"{rating.where}: {what}, in {first.where}: {how}")


def _read(path: Path, key: StudyKey) -> list[Rating]:
    try:
        text = read_small_text(path)
    except FileNotFoundError:
        raise StudyError(
            f"{path}: no such file; expected ratings-STUDY-RATER.csv as the study's page saves it"
        ) from None
    except OSError as error:
        raise StudyError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise StudyError(
            f"{path}, line {line}: not UTF-8; was it saved by another program? Use the file itself"
        ) from None
    except ValueError as error:
        raise StudyError(f"{path}: {error}; expected the ratings of one rater") from None
    ratings = []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        if tuple(header) != COLUMNS:
            said = ",".join(header)[:120] or "nothing"
            raise StudyError(f"{path}, line 1: the header is {said}; expected {','.join(COLUMNS)}")
        for fields in reader:
            if fields:
                ratings.append(_rating(fields, f"{path}, line {reader.line_num}", key))
    except csv.Error as error:
        raise StudyError(f"{path}, line {reader.line_num}: not a table ({error}); was the file cut off?") from None
    if not ratings:
        raise StudyError(f"{path}: no rows under the header; was the file cut off?")
    return ratings


def _rating(fields: Sequence[str], where: str, key: StudyKey) -> Rating:
    if len(fields) != len(COLUMNS):
        said = f"{len(fields)} of {len(COLUMNS)} fields" if len(fields) < len(COLUMNS) else f"{len(fields)} fields"
        raise StudyError(f"{where}: {said}; expected {len(COLUMNS)}. Was the file cut off or changed by hand?")
    row = dict(zip(COLUMNS, fields, strict=True))
    if row["study"] != key.study:
        raise StudyError(f"{where}: of study {row['study']!r}, the key is of {key.study}; pass the key of that study")
    if not row["rater"].strip():
        raise StudyError(f"{where}: no rater; expected the rater's code")
    if not STAMP.fullmatch(row["answered_at"]) or not _is_time(row["answered_at"]):
        expected = "expected a time such as 2026-01-31T12:00:00Z. Was the file cut off?"
        raise StudyError(f"{where}: answered_at is {row['answered_at']!r}; {expected}")
    kind = row["kind"]
    if kind not in (HEADPHONES, ACR, PAIR):
        raise StudyError(f"{where}: {unknown('kind', kind, (HEADPHONES, ACR, PAIR))}")
    if kind not in (HEADPHONES, KIND_OF[key.method]):
        raise StudyError(f"{where}: kind is {kind}, the key is of a study by {key.method}; pass the key of that study")
    value = {HEADPHONES: _headphones, ACR: _acr, PAIR: _pair}[kind](row, where, key)
    repeat = _whole(row, "repeat", where, 0, 1)
    trial, played = _whole(row, "trial", where, 1), _whole(row, "played_ms", where, 0)
    return Rating(row["rater"], kind, row["item"], row["other"], row["question"], value, repeat, trial, played, where)


def _headphones(row: dict[str, str], where: str, key: StudyKey) -> int:
    _whole(row, "item", where, 1, key.checks)
    _nothing(row, where)
    if row["question"] != HEADPHONES:
        raise StudyError(f"{where}: question is {row['question']!r}; expected headphones, as the kind says")
    return _whole(row, "rating", where, 0, 1)


def _acr(row: dict[str, str], where: str, key: StudyKey) -> int:
    _known_item(row["item"], "item", where, key)
    _nothing(row, where)
    _known_question(row, where, key)
    return _whole(row, "rating", where, *key.scale)


def _pair(row: dict[str, str], where: str, key: StudyKey) -> int:
    for name in ("item", "other"):
        _known_item(row[name], name, where, key)
    if not {(row["item"], row["other"]), (row["other"], row["item"])} & set(key.pairs):
        raise StudyError(f"{where}: {row['item']} and {row['other']} are no pair of this study")
    _known_question(row, where, key)
    if row["rating"] not in SIDES:
        raise StudyError(f"{where}: rating is {row['rating']!r}; expected left or right")
    return SIDES[row["rating"]]


def _nothing(row: dict[str, str], where: str) -> None:
    if row["other"]:
        raise StudyError(f"{where}: other is {row['other']!r}; expected nothing, for the kind is {row['kind']}")


def _known_item(item: str, name: str, where: str, key: StudyKey) -> None:
    if item not in key.items:
        raise StudyError(f"{where}: {name} {item!r} is not in the key; is this the key of the same study?")


def _known_question(row: dict[str, str], where: str, key: StudyKey) -> None:
    ids = [question.id for question in key.questions]
    if row["question"] not in ids:
        raise StudyError(f"{where}: {unknown('question', row['question'], ids)}")


def _whole(row: dict[str, str], name: str, where: str, low: int, high: int | None = None) -> int:
    text = row[name]
    value = int(text) if re.fullmatch(r"[0-9]{1,12}", text) else -1
    if value < low or (high is not None and value > high):
        expected = f"{low} to {high}" if high is not None else f"{low} or more"
        raise StudyError(f"{where}: {name} is {text!r}; expected a whole number, {expected}")
    return value


def _is_time(text: str) -> bool:
    try:
        datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return False
    return True
