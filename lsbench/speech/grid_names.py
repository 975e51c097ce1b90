"""The sentences of GRID, which the names of its clips spell: bbaf2n is "bin blue at f two now"."""

from __future__ import annotations

import re

COMMANDS = {"b": "bin", "l": "lay", "p": "place", "s": "set"}
COLOURS = {"b": "blue", "g": "green", "r": "red", "w": "white"}
PREPOSITIONS = {"a": "at", "b": "by", "i": "in", "w": "with"}
DIGITS = dict(
    zip("z123456789", ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"), strict=True)
)
ADVERBS = {"a": "again", "n": "now", "p": "please", "s": "soon"}
_ID = re.compile(r"s[1-9][0-9]?/([blps])([bgrw])([abiw])([a-vx-z])([z1-9])([anps])")


def sentence(clip_id: str) -> str | None:
    """What a clip of GRID says, by its id such as `s1/bbaf2n`; None where the id is of no such form."""
    named = _ID.fullmatch(clip_id)
    if named is None:
        return None
    command, colour, preposition, letter, digit, adverb = named.groups()
    words = (COMMANDS[command], COLOURS[colour], PREPOSITIONS[preposition], letter, DIGITS[digit], ADVERBS[adverb])
    return " ".join(words)
