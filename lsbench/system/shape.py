"""What a file of our own must hold: kinds of values, checked strictly, every fault named by its key.

A kind is a function (value, key) -> the value as the program uses it; it raises Misfit for what is not of the kind.
Nothing is converted in silence: true is no number, "3" is none either, a list is no table. Keys are dotted, as in
`runs[0].name`; the document itself has the key "".
"""

from __future__ import annotations

import math
import re
import reprlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, TypeAlias, get_args, get_origin, get_type_hints

from lsbench.system.strict_json import decode

Kind: TypeAlias = Callable[[Any, str], Any]

MOST = 2**53  # up to which every whole number is a float, too
SHA256 = re.compile(r"[0-9a-f]{64}")


class Misfit(ValueError):
    """A value that is not of its kind. key: which; fault: what is wrong with it, such as `lacks frames`."""

    def __init__(self, key: str, fault: str) -> None:
        super().__init__(f"{key or 'the document'} {fault}")


class Unexpected(Misfit):
    """A value in the place of another. assigned: the fault as it would stand in a file of settings, KEY = VALUE."""

    def __init__(self, key: str, value: Any, expected: str) -> None:
        super().__init__(key, f"is {shown(value)}; expected {expected}")
        self.assigned = f"{key} = {shown(value)}; expected {expected}"


class _Shown(reprlib.Repr):
    """repr() cut short, whatever the value."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxlist, self.maxdict, self.maxstring = 2, 4, 2, 60

    def repr_int(self, x: int, level: int) -> str:
        return repr(x) if x.bit_length() < 128 else f"a number of about {int(x.bit_length() * math.log10(2))} digits"


def shown(value: Any) -> str:
    """A value from a file as an error shows it: in Python's spelling, in short."""
    return _Shown().repr(value)


def anything(value: Any, key: str) -> Any:
    """Whatever stands there."""
    return value


def text(value: Any, key: str) -> str:
    """A text."""
    if not isinstance(value, str):
        raise Unexpected(key, value, "text")
    return value


def name(value: Any, key: str) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value:
        raise Unexpected(key, value, "text")
    return value


def flag(value: Any, key: str) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise Unexpected(key, value, "true or false")
    return value


def whole(low: int = 0, high: int = MOST) -> Kind:
    """A whole number from `low` to `high`."""
    expected = "a whole number" + (f" from {low}" if low > -MOST else "") + (f" to {high}" if high < MOST else "")

    def kind(value: Any, key: str) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise Unexpected(key, value, expected)
        return value

    return kind


def number(low: float = -sys.float_info.max, high: float = sys.float_info.max, *, above: bool = False) -> Kind:
    """A finite number from `low` to `high`; above: greater than `low`."""
    expected = "a number"
    if low > -sys.float_info.max:
        expected = f"more than {low:g}" if above else f"a number from {low:g}"
    expected += f" to {high:g}" if high < sys.float_info.max and not above else ""
    expected += f", at most {high:g}" if high < sys.float_info.max and above else ""

    def kind(value: Any, key: str) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise Unexpected(key, value, "a number")
        if not low <= value <= high or (above and value == low):
            raise Unexpected(key, value, expected)
        return float(value)

    return kind


def encoded(value: Any, key: str) -> float:
    """A float as strict_json.encode() writes it: NaN is null, the infinities are texts."""
    if isinstance(value, bool) or not (isinstance(value, int | float) or value in (None, "inf", "-inf")):
        raise Unexpected(key, value, "a number")
    if isinstance(value, int) and abs(value) > MOST:
        raise Unexpected(key, value, "a number")
    return decode(value)


def choice(*options: Any) -> Kind:
    """One of a few values of JSON, of the same type."""
    expected = f"one of {', '.join(map(str, options))}" if len(options) > 1 else str(options[0])
    spelled = {repr(option) for option in options}  # 1, 1.0 and true are equal

    def kind(value: Any, key: str) -> Any:
        if repr(value) not in spelled:
            raise Unexpected(key, value, expected)
        return value

    return kind


def pattern(expression: re.Pattern[str]) -> Kind:
    """A text that a regular expression matches as a whole."""

    def kind(value: Any, key: str) -> str:
        if not isinstance(value, str) or not expression.fullmatch(value):
            raise Unexpected(key, value, expression.pattern)
        return value

    return kind


def maybe(inner: Kind) -> Kind:
    """null, or something."""
    return lambda value, key: None if value is None else inner(value, key)


def listed(inner: Kind, least: int = 0, most: int | None = None) -> Kind:
    """A list, as a tuple; each entry of a kind."""

    def kind(value: Any, key: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise Unexpected(key, value, "a list")
        if len(value) < least or (most is not None and len(value) > most):
            count = f"{least}" if least == most else f"{least} or more" if most is None else f"{least} to {most}"
            raise Misfit(key, f"has {len(value)} entries; expected {count}")
        return tuple(inner(item, f"{key}[{index}]") for index, item in enumerate(value))

    return kind


def series(*kinds: Kind) -> Kind:
    """A list of as many entries as there are kinds, as a tuple."""

    def kind(value: Any, key: str) -> tuple[Any, ...]:
        items = listed(anything, len(kinds), len(kinds))(value, key)
        return tuple(inner(item, f"{key}[{i}]") for i, (inner, item) in enumerate(zip(kinds, items, strict=True)))

    return kind


def table(inner: Kind, keys: Kind = text) -> Kind:
    """A table of any keys, as a dict; each key and value of a kind."""

    def kind(value: Any, key: str) -> dict[Any, Any]:
        if not isinstance(value, Mapping):
            raise Unexpected(key, value, "a table")
        return {keys(own, _below(key, own)): inner(item, _below(key, own)) for own, item in value.items()}

    return kind


def record(required: Mapping[str, Kind], optional: Mapping[str, Kind] | None = None) -> Kind:
    """A table of these keys, each of its kind, as a dict; those that are optional may be left out."""
    kinds = {**required, **(optional or {})}

    def kind(value: Any, key: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise Unexpected(key, value, "a table")
        missing = [own for own in required if own not in value]
        unknown = sorted(str(own) for own in value if own not in kinds)
        if missing or unknown:
            faults = [f"lacks {', '.join(missing)}"] * bool(missing)
            faults += [f"has unknown {', '.join(map(_short, unknown[:5]))}"] * bool(unknown)
            raise Misfit(key, " and ".join(faults))
        return {own: kinds[own](item, _below(key, own)) for own, item in value.items()}

    return kind


@cache
def of(kind: Any) -> Kind:
    """The kind that a type asks for.

    Args:
        kind: a dataclass, whose fields with a default may be left out; str, bool, int (0 or more) or float (as
            strict_json.encode() writes it); X | None; tuple[X, ...]; Mapping[str, X]; or Annotated[X, a kind].
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        annotated: Kind = arguments[1]
        return annotated
    if is_dataclass(kind):
        return _dataclass(kind)
    if origin is tuple:
        return listed(of(arguments[0]))
    if origin is UnionType:
        (inner,) = (argument for argument in arguments if argument is not NoneType)
        return maybe(of(inner))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return table(of(arguments[1]), of(arguments[0]))
    return {str: text, bool: flag, int: whole(), float: encoded, Any: anything}[kind]


def _dataclass(kind: Any) -> Kind:
    hints = get_type_hints(kind, include_extras=True)
    needed = {each.name for each in fields(kind) if each.default is MISSING and each.default_factory is MISSING}
    kinds = {each.name: of(hints[each.name]) for each in fields(kind)}
    whole_record = record(
        {own: inner for own, inner in kinds.items() if own in needed},
        {own: inner for own, inner in kinds.items() if own not in needed},
    )
    return lambda value, key: kind(**whole_record(value, key))


def _below(key: str, own: object) -> str:
    return f"{key}.{_short(str(own))}" if key else _short(str(own))


def _short(own: str) -> str:
    return own if len(own) <= 80 else f"{own[:60]}..."
