"""Published figures beside measured ones: read from TOML, shown as quoted, never compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lsbench.errors import ComparisonError, reason
from lsbench.system import shape, strict_toml

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
        content = strict_toml.read(path)
    except (OSError, ValueError) as error:
        raise ComparisonError(f"quoted figures {path}: not readable ({reason(error)}); {EXPECTED}") from error
    try:
        fields = _QUOTES(content, "")
    except ValueError as fault:
        raise ComparisonError(f"quoted figures {path}: {EXPECTED}; {fault}") from None
    return Quotes(fields["source"], tuple(_quote(path, number, row) for number, row in enumerate(fields["rows"], 1)))


def _quote(path: Path, number: int, row: Any) -> Quote:
    where = f"quoted figures {path}: row {number}"
    try:
        return Quote(**_ROW(row, "it"))
    except shape.Unexpected as fault:
        raise ComparisonError(f"{where}: {fault}; {EXPECTED}") from None
    except ValueError as fault:
        raise ComparisonError(f"{where}: {EXPECTED}; {fault}") from None


def _words(value: Any, key: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise shape.Unexpected(key, value, "a text")
    return value


def _scores(value: Any, key: str) -> dict[str, float]:
    figures = shape.table(shape.anything, _words)(value, key)
    if not figures:
        raise shape.Misfit(key, "is empty")
    return {name: shape.number()(figure, f"score {name}") for name, figure in figures.items()}


_QUOTES = shape.record({"source": _words, "rows": shape.listed(shape.anything, least=1)})
_ROW = shape.record({"generator": _words, "scores": _scores}, {"note": shape.text})
