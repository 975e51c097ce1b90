"""The phones of words that no dictionary has, by the letters: rough in its vowels, and mostly right for the lips."""

from __future__ import annotations

_LETTERS = {  # the longest that fits is taken
    "tion": "SH AH N",
    "sion": "ZH AH N",
    "ough": "AO",
    "augh": "AO",
    "eigh": "EY",
    "tch": "CH",
    "igh": "AY",
    "sch": "S K",
    "dge": "JH",
    "ph": "F",
    "gh": "G",
    "th": "TH",
    "sh": "SH",
    "ch": "CH",
    "ck": "K",
    "ng": "NG",
    "qu": "K W",
    "wh": "W",
    "wr": "R",
    "kn": "N",
    "ee": "IY",
    "ea": "IY",
    "oo": "UW",
    "ou": "AW",
    "ow": "OW",
    "oi": "OY",
    "oy": "OY",
    "ai": "EY",
    "ay": "EY",
    "au": "AO",
    "aw": "AO",
    "ie": "IY",
    "ew": "UW",
    "er": "ER",
    "ir": "ER",
    "ur": "ER",
    "ar": "AA R",
    "or": "AO R",
    **dict(zip("abcdefghij", ("AE", "B", "K", "D", "EH", "F", "G", "HH", "IH", "JH"), strict=True)),
    **dict(zip("klmnopqrstuv", ("K", "L", "M", "N", "AA", "P", "K", "R", "S", "T", "AH", "V"), strict=True)),
    **{"w": "W", "x": "K S", "y": "IY", "z": "Z", "'": ""},
}
_LONGEST = max(map(len, _LETTERS))


def spelled(word: str) -> str:
    """ARPAbet phones of a word of the letters a to z and apostrophes, with spaces between them."""
    bare = word[:-1] if len(word) > 3 and word.endswith("e") else word
    phones: list[str] = []
    place = 0
    while place < len(bare):
        left = bare[place:]
        length = next(n for n in range(min(_LONGEST, len(left)), 0, -1) if left[:n] in _LETTERS)
        said = _LETTERS[left[:length]].split()
        phones += said if said != phones[-1:] else []  # doubled letters are said once
        place += length
    return " ".join(phones)
