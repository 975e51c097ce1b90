"""Published figures beside measured ones: read from TOML, shown as quoted, never compared."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lsbench.errors import ComparisonError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

EXPECTED = (
    "expected source = TEXT and [[rows]] with generator = TEXT, scores = { KEY = NUMBER } and perhaps note = TEXT"
)


@dataclass(frozen=True)
class Quote:
    """The figures that a source gives for one generator: by score key, as the source defines them."""

    generator: str
    scores: Mapping[str, float]
    note: str = ""


@dataclass(frozen=True)
class Quotes:
    """Published figures of one source, such as a paper's table."""

    source: str
    rows: tuple[Quote, ...]


def read_quotes(path: Path) -> Quotes:
    """Read published figures.

    Args:
        path: A TOML file: source = TEXT and [[rows]] with generator = TEXT, scores = { KEY = NUMBER }, perhaps a note.

    Returns:
        The figures, for leaderboard(quotes=[...]).

    Raises:
        ComparisonError: The file cannot be read, or is not like that; it names what is wrong.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ComparisonError(f"quoted figures {path}: not readable ({error}); {EXPECTED}") from error
    rows = content.get("rows")
    if set(content) != {"source", "rows"} or not _text(content["source"]) or not isinstance(rows, list) or not rows:
        raise ComparisonError(f"quoted figures {path}: {EXPECTED}")
    return Quotes(content["source"], tuple(_quote(path, number, row) for number, row in enumerate(rows, start=1)))


def _quote(path: Path, number: int, row: Any) -> Quote:
    where = f"quoted figures {path}: row {number}"
    if not isinstance(row, dict) or not {"generator", "scores"} <= set(row) <= {"generator", "scores", "note"}:
        raise ComparisonError(f"{where}: {EXPECTED}")
    scores, note = row["scores"], row.get("note", "")
    if not _text(row["generator"]) or not isinstance(note, str) or not isinstance(scores, dict) or not scores:
        raise ComparisonError(f"{where}: {EXPECTED}")
    for key, value in scores.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ComparisonError(f"{where}: score {key} is {value!r}; expected a number")
    return Quote(row["generator"], {key: float(value) for key, value in scores.items()}, note)


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())
