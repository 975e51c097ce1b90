"""What a video is to be compared with, so that one that is far too large for that is not decoded to its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from lsbench.errors import MediaError
from lsbench.media import limits

_TIMES_AS_LONG, _SPARE_S = 4, 60.0  # a video that must be as long as another is decoded so far at most
_LEAST_PICTURES = 1024  # from which on their number tells that the rate is too high


class Unlike(MediaError):
    """A video that was not decoded to its end, since it is nothing like what it should be."""


@dataclass(frozen=True)
class Expected:
    """What a video must be like.

    Attributes:
        size: height and width of its pictures, px; None where any will do.
        length_s: how long it should be, s; None where any will do.
    """

    size: tuple[int, int] | None = None
    length_s: float | None = None

    @property
    def most_s(self) -> float:
        """How much is decoded at most, s."""
        if self.length_s is None:
            return limits.MOST_LENGTH_S
        return min(limits.MOST_LENGTH_S, _TIMES_AS_LONG * self.length_s + _SPARE_S)

    def demand_size(self, size: tuple[int, int], where: str) -> None:
        """Unlike where pictures that are too many to be kept are of another size than they must be."""
        if self.size is None or size == self.size:
            return
        (height, width), (own_height, own_width) = self.size, size
        raise Unlike(
            f"{where}: pictures of {own_width}x{own_height} px, the reference's are {width}x{height}; --fit resize "
            "brings them to that. Or re-render at the reference's size"
        )

    def demand_length(self, stamps: Sequence[float | None], where: str) -> None:
        """Unlike where pictures go on for too long, or come too fast. stamps: of those decoded so far, s."""
        count, first, last = len(stamps), stamps[0], stamps[-1]
        span_s = last - first if first is not None and last is not None else 0.0
        if span_s > self.most_s or count > self.most_s * limits.MOST_FPS:
            beside = "" if self.length_s is None else f", the reference's last {self.length_s:.3g}"
            raise Unlike(f"{where}: more than {self.most_s:.0f} s of pictures{beside}. Cut it to its length")
        if count >= _LEAST_PICTURES and 0 < 2 * span_s * limits.MOST_FPS < count and _rising(stamps):
            raise Unlike(
                f"{where}: {(count - 1) / span_s:.0f} frames a second; expected at most {limits.MOST_FPS}. Encode it "
                "again at its true rate."
            )


ANY = Expected()


def _rising(stamps: Sequence[float | None]) -> bool:
    known = [stamp for stamp in stamps if stamp is not None]
    return len(known) == len(stamps) and all(earlier < later for earlier, later in pairwise(known))
