"""Lists of words or phones with their times, a line each: GRID's .align files, and CTM files."""

from __future__ import annotations

import math
import re
from pathlib import Path

from lsbench.errors import ProtocolError
from lsbench.speech.text import read_text
from lsbench.speech.transcript import Timed, Transcript, demand_rising, of_times
from lsbench.speech.visemes import is_silence, viseme

UNITS_S = 25_000  # of a .align file, in a second: 1000 to a frame of GRID
_PHONE = re.compile(r"[A-Z]{1,3}[0-2]?(?:_[BIES])?")  # an ARPAbet phone as CTM files write it


def read_align(path: Path) -> Transcript:
    """What a .align file of GRID says: lines `start end word` in 25,000ths of a second, `sil` and `sp` left out.

    Raises:
        ProtocolError: naming the file, and the line and the fault in it.
    """
    timed = []
    for number, fields in _lines(path):
        if len(fields) != 3 or not all(field.isascii() and field.isdigit() for field in fields[:2]):
            raise ProtocolError(f"{path}: line {number}: expected START END WORD, whole numbers and a word")
        timed.append(Timed(fields[2], int(fields[0]) / UNITS_S, int(fields[1]) / UNITS_S))
    demand_rising(timed, str(path))
    return of_times([each for each in timed if not is_silence(each.name)], str(path))


def read_ctm(path: Path, clip_id: str) -> Transcript:
    """What a CTM file says of a clip: lines `utterance channel start duration token [confidence]`, in seconds.

    Tokens that are all ARPAbet phones in capitals are phones, others words.

    Args:
        path: of the clip alone, or of several, whose utterances then bear their ids (`s1/bbaf2n`, `s1_bbaf2n` or
            `bbaf2n`).
        clip_id: of the clip.

    Raises:
        ProtocolError: naming the file, and the line and the fault in it.
    """
    by_utterance: dict[str, list[Timed]] = {}
    for number, fields in _lines(path):
        if fields[0].startswith(";;"):
            continue
        try:
            start_s, length_s = (float(field) for field in fields[2:4])
            token = fields[4]
            if not (0 <= start_s < math.inf and 0 < length_s < math.inf):
                raise ValueError
        except (ValueError, IndexError):
            raise ProtocolError(
                f"{path}: line {number}: expected UTTERANCE CHANNEL START DURATION TOKEN, in seconds"
            ) from None
        by_utterance.setdefault(fields[0], []).append(Timed(token, start_s, start_s + length_s))
    names = [name for name in (clip_id, clip_id.replace("/", "_"), clip_id.rpartition("/")[2]) if name in by_utterance]
    if not names and len(by_utterance) != 1:
        raise ProtocolError(f"{path}: {len(by_utterance)} utterances, none named {clip_id}; expected one of the clip")
    timed = by_utterance[names[0]] if names else next(iter(by_utterance.values()))
    demand_rising(timed, str(path))
    said = [each for each in timed if not is_silence(each.name)]
    if said and all(_PHONE.fullmatch(each.name) and viseme(each.name) is not None for each in said):
        return Transcript(phones=tuple(said), source=str(path))
    return of_times(said, str(path))


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """The lines that are not empty, by their numbers, in fields."""
    lines = [(number, line.split()) for number, line in enumerate(read_text(path).splitlines(), start=1)]
    lines = [(number, fields) for number, fields in lines if fields]
    if not lines:
        raise ProtocolError(f"{path}: an empty file; expected words or phones with their times")
    return lines
