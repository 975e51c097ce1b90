"""What a clip says: its words, and when they and their phones are said, where that is known."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lsbench.errors import ProtocolError

MOST_WORDS = 20_000  # of one clip
_APART = re.compile(r"[\s\-–—/_]+")  # between words
_AROUND = '.,;:!?"“”„«»()[]{}<>…*'
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)*'?|'[a-z]+")


@dataclass(frozen=True)
class Timed:
    """A word or a phone from start_s to end_s, seconds of the sound, from frame 0 on."""

    name: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Transcript:
    """What one clip says.

    Attributes:
        words: in lower case, each of a to z and apostrophes.
        times: of each word, where they were given; else none.
        phones: given with their times, ARPAbet or IPA, silence left out; where there are any, they are what is said.
        source: where it was read, for messages.
    """

    words: tuple[str, ...] = ()
    times: tuple[Timed, ...] = ()
    phones: tuple[Timed, ...] = ()
    source: str = ""

    @property
    def digest(self) -> str:
        """A sha256 over what is said and when, wherever it was read."""
        timed = [[(each.name, each.start_s, each.end_s) for each in part] for part in (self.times, self.phones)]
        return hashlib.sha256(repr([list(self.words), *timed]).encode()).hexdigest()

    def moved(self, by_s: float) -> Transcript:
        """The same with its times later by some seconds: those of a sound of which the start was cut off are less."""

        def later(part: Sequence[Timed]) -> tuple[Timed, ...]:
            return tuple(Timed(each.name, each.start_s + by_s, each.end_s + by_s) for each in part)

        return replace(self, times=later(self.times), phones=later(self.phones))


def of_text(text: str, source: str) -> Transcript:
    """The transcript of a text.

    Args:
        text: words, upper or lower case; punctuation around them does not count, and hyphens part them.
        source: for messages.

    Raises:
        ProtocolError: where it has no words, or one that is not spelled in the letters a to z.
    """
    return Transcript(tuple(_words(text, source)), source=source)


def of_times(timed: Sequence[Timed], source: str) -> Transcript:
    """The transcript of words with their times; ProtocolError as of_text()."""
    times = [Timed(word, each.start_s, each.end_s) for each in timed for word in _words(each.name, source)]
    if len(times) > len(timed):
        raise ProtocolError(f"{source}: an interval of its words holds several; expected one word in each")
    return Transcript(tuple(each.name for each in times), tuple(times), source=source)


def demand_rising(timed: Sequence[Timed], source: str) -> None:
    """Raise ProtocolError where an interval ends before it begins, or begins before the one before it has ended."""
    end_s = 0.0
    for each in timed:
        if not end_s - 1e-6 <= each.start_s < each.end_s:
            raise ProtocolError(
                f"{source}: {each.name!r} from {each.start_s:g} to {each.end_s:g} s, after {end_s:g} s; expected times "
                "from 0 on that rise"
            )
        end_s = each.end_s


def _words(text: str, source: str) -> list[str]:
    bare = [part.strip(_AROUND) for part in _APART.split(text.replace("’", "'").lower())]
    words = [word for word in bare if word]
    if not words:
        raise ProtocolError(f"{source}: no words; expected what the clip says")
    if len(words) > MOST_WORDS:
        raise ProtocolError(f"{source}: {len(words)} words; expected what one clip says, {MOST_WORDS} at most")
    for word in words:
        if not _WORD.fullmatch(word):
            raise ProtocolError(
                f"{source}: {word[:40]!r} is no word in the letters a to z. Write numbers out; of another language "
                "than English give the phones with their times, in a TextGrid or CTM file"
            )
    return words
