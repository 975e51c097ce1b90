"""TextGrid files of Praat, in both of its text formats, as the Montreal Forced Aligner and others write them."""

from __future__ import annotations

import math
import re
from pathlib import Path

from lsbench.errors import ProtocolError
from lsbench.speech.text import read_text
from lsbench.speech.transcript import Timed, Transcript, demand_rising, of_times
from lsbench.speech.visemes import is_silence, viseme

PHONE_TIERS = ("phones", "phone", "phonemes", "segments", "mau")  # names, the last word of a name counts
WORD_TIERS = ("words", "word", "ort", "ort-mau")
# What has a value: a text in quotes (doubled where they belong to it), a flag, a number. All else names values.
_VALUE = re.compile(r'"([^"]*(?:""[^"]*)*)"|(<\w+>)|(?<![\w.\[])([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\w\]])')


def read_textgrid(path: Path) -> Transcript:
    """What a TextGrid says: the intervals of its tier of phones where it has one, and of its tier of words.

    Raises:
        ProtocolError: naming the file and what is wrong with it: cut off, no such tier, times that do not rise, a phone
            that is neither ARPAbet nor IPA.
    """
    tiers = _tiers(path)
    phones, words = (_tier(tiers, names) for names in (PHONE_TIERS, WORD_TIERS))
    if phones is None and words is None:
        listed = ", ".join(name[:40] for name, _ in tiers) or "none"
        raise ProtocolError(f"{path}: interval tiers: {listed}; expected one named phones or words")
    for intervals in (phones, words):
        demand_rising(intervals or [], str(path))
    if phones is None:
        return of_times([each for each in words or [] if not is_silence(each.name)], str(path))
    said = [each for each in phones if not is_silence(each.name)]
    for each in said:
        if viseme(each.name) is None:
            raise ProtocolError(
                f"{path}: phone {each.name[:20]!r} at {each.start_s:g} s is neither ARPAbet nor IPA; expected such as "
                "AH0 or tʃ"
            )
    if not said:
        raise ProtocolError(f"{path}: no phones; expected what the clip says")
    return Transcript(phones=tuple(said), source=str(path))


def _tier(tiers: list[tuple[str, list[Timed]]], names: tuple[str, ...]) -> list[Timed] | None:
    for name, intervals in tiers:
        if (name.lower().split() or [""])[-1] in names:
            return intervals
    return None


def _tiers(path: Path) -> list[tuple[str, list[Timed]]]:
    """The interval tiers: names, and intervals with their labels, silent ones too."""
    text = read_text(path)
    values = iter([_value(found) for found in _VALUE.finditer(text)])

    def take(kind: type, what: str) -> object:
        value = next(values, None)
        if not isinstance(value, kind):
            held = "the file ends" if value is None else f"{value!r:.40}"
            raise ProtocolError(f"{path}: {held} where {what} was expected; is it cut off, or no TextGrid?")
        return value

    def number(what: str) -> float:
        return float(str(take(float, what)))

    def count(what: str) -> int:
        size = number(what)
        if not (0 <= size <= len(text) and size == int(size)):
            raise ProtocolError(f"{path}: {size:g} as {what}; expected a whole number that the file has room for")
        return int(size)

    kinds = [take(str, "a file of TextGrid"), take(str, "a file of TextGrid")]
    if kinds != ["ooTextFile", "TextGrid"]:
        raise ProtocolError(f"{path}: not a TextGrid in a text format of Praat; save it as text")
    number("a start"), number("an end")
    if take(_Flag, "<exists>") != "<exists>":
        return []
    tiers = []
    for _ in range(count("the number of tiers")):
        kind, name = take(str, "the kind of a tier"), str(take(str, "the name of a tier"))
        number("a start"), number("an end")
        intervals = []
        for _ in range(count("the number of intervals")):
            if kind == "IntervalTier":
                start_s, end_s = number("a start"), number("an end")
                intervals.append(Timed(str(take(str, "a label")).strip(), start_s, end_s))
            else:
                number("a time"), take(str, "a mark")
        if kind == "IntervalTier":
            tiers.append((name, intervals))
    return tiers


class _Flag(str):
    """A value such as <exists>."""


def _value(found: re.Match[str]) -> object:
    text, flag, digits = found.groups()
    if flag is not None:
        return _Flag(flag)
    if digits is not None:
        number = float(digits)
        return number if math.isfinite(number) else None
    return text.replace('""', '"')
