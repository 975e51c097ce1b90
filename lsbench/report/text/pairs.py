"""Every two generators in words: how far they are apart, and who changes places between whole frame and mouth."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lsbench.board.board import Board
from lsbench.board.column import Pair
from lsbench.board.significance import Agreement, Flip
from lsbench.run.shown import number

MOST_FLIPS = 3  # that are named in one line


def pair_header(board: Board) -> tuple[str, ...]:
    """The columns of the table of pairs."""
    return "one", "other", "one - other", "95 %", "p", "apart", "detectable", f"{board.column().drawn}s needed"


def pair_caption(board: Board) -> str:
    """What the table of pairs shows."""
    zero = ", of the distances from 0" if board.column().better == "zero" else ""
    return (
        f"Every two generators by {board.rank_by}{zero}. p is corrected for all pairs (Holm). detectable: the true "
        "difference that is found in 80 % of studies like this one, after correction; "
        f"{board.column().drawn}s needed: for the difference that was found."
    )


def pair_lines(pairs: Sequence[Pair]) -> list[list[str]]:
    """Rows of pair_header()."""
    return [
        [
            pair.one,
            pair.other,
            _number(pair.difference),
            "-" if math.isnan(pair.low) else f"{number(pair.low)} to {number(pair.high)}",
            "-" if math.isnan(pair.p) else f"{pair.p:.2g}",
            "-" if math.isnan(pair.p) else "yes" if pair.significant else "no",
            "none" if math.isinf(pair.detectable) else _number(pair.detectable),
            f"{pair.clips_needed:,.0f}" if math.isfinite(pair.clips_needed) else "-",
        ]
        for pair in pairs
    ]


def flip_lines(agreement: Agreement) -> list[str]:
    """Each flip between whole frame and mouth in a sentence, the surest first."""
    ordered = sorted(agreement.flips, key=lambda flip: (math.isnan(flip.p), flip.p, flip.ahead, flip.behind))
    return [
        f"{flip.ahead} is ahead of {flip.behind} on the whole frame, behind it on the mouth ({_certainty(flip)})"
        for flip in ordered
    ]


def significant_flips(agreements: Sequence[Agreement]) -> list[str]:
    """The flips that are more than chance in one line, at most MOST_FLIPS of them by name; nothing without any."""
    named = [
        f"{agreement.one.rpartition('/')[0]}: {flip.ahead} over {flip.behind}"
        for agreement in agreements
        for flip in sorted(agreement.flips, key=lambda flip: (flip.p, flip.ahead, flip.behind))
        if flip.significant
    ]
    if not named:
        return []
    rest = f"; and {len(named) - MOST_FLIPS} more" if len(named) > MOST_FLIPS else ""
    return [f"ahead on the whole frame, behind on the mouth: {'; '.join(named[:MOST_FLIPS])}{rest}"]


def _certainty(flip: Flip) -> str:
    if math.isnan(flip.p):
        return "not tested"
    return f"p = {flip.p:.2g}" if flip.significant else f"p = {flip.p:.2g}, not significant"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else number(value)
