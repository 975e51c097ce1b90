"""Tie groups as letters: generators that share a letter cannot be told apart."""

from __future__ import annotations

import string

import numpy as np


def letters(apart: np.ndarray) -> list[str]:
    """Compact letter display: apart bool (n, n), symmetric, best generator first -> one text a generator.

    Two share a letter exactly where they are not apart. Insert and absorb of Piepho 2004, An Algorithm for a
    Letter-Based Representation of All-Pairwise Comparisons; letters go by the best generator that bears them.
    """
    count = len(apart)
    groups = [frozenset(range(count))] if count else []
    for one, other in zip(*np.nonzero(np.triu(apart, 1)), strict=True):
        split = []
        for group in groups:
            split += [group - {one}, group - {other}] if {one, other} <= group else [group]
        unique = list(dict.fromkeys(split))
        groups = [group for group in unique if not any(group < other_group for other_group in unique)]
    groups.sort(key=sorted)
    return ["".join(_letter(place) for place, group in enumerate(groups) if member in group) for member in range(count)]


def _letter(place: int) -> str:
    """a to z, then a1 to z1 and so on."""
    turn, letter = divmod(place, len(string.ascii_lowercase))
    return string.ascii_lowercase[letter] + (str(turn) if turn else "")
