"""What a face does a second or a minute, and how close that is to real clips."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from lsbench.errors import MetricError
from lsbench.face.track import FaceTrack, Region
from lsbench.media.clip import Clip
from lsbench.metrics._base.direction import Better
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.metrics._natural.real_rates import NAMES, REAL_RATES

REALS = ("reference", *REAL_RATES, "none")


@dataclass(frozen=True, kw_only=True)
class Rate(Metric):
    """Base of the metrics that say how much a face does in a time, all clips' amounts over all clips' time.

    `real` says what that is compared with: `reference`, the reference clips of the same pairs; `grid`, what is known of
    GRID's real clips, for recordings like GRID's that have no reference; `none`, nothing (which takes the place of
    `reference` where there is none). With real clips the score is their closeness, 1 - |rate - real| / real (as THEval
    has it): 1 where a face does as much as real ones, 0 where it does nothing, or twice as much, below 0 where it does
    more than that. With `none` it is the rate itself, of which neither more nor less is better: it is shown and never
    ranked.

    Frames in which a side shows no face count on that side neither as done nor as time.

    Attributes:
        unit: of the rate, in words.
        per_s: seconds that it is counted by.
        unknown: why a face that was found has no rate.
    """

    regions: ClassVar[tuple[Region, ...]] = ()
    needs_landmarks: ClassVar[bool] = True
    needs_pictures: ClassVar[bool] = False
    unit: ClassVar[str]
    per_s: ClassVar[float] = 1.0
    unknown: ClassVar[str]

    real: str = field(default=REALS[0], metadata={"choices": REALS})

    @property
    def paired(self) -> bool:  # type: ignore[override]
        """Whether it compares with the reference."""
        return self.real == "reference"

    @property
    def better(self) -> Better:  # type: ignore[override]
        """Closeness: higher; a rate by itself has no direction."""
        return "none" if self.real == "none" else "higher"

    def without_truth(self) -> Metric:
        """The rate itself: real clips of one corpus say little of another's."""
        return replace(self, real="none") if self.paired else self

    @abstractmethod
    def by_frame(self, clip: Clip, track: FaceTrack) -> np.ndarray:
        """The rate in each frame, a second: float64 (T,), NaN where it is not known."""

    def measure(self, pair: ClipPair) -> Stats:
        """generated and, where it is compared, reference: the rate in each frame, a second, float64 (T,), NaN where it
        is not known; generated_found, reference_found: bool (T,); seconds: that each frame lasts, float64 (T,)."""
        if pair.landmarks is None:
            raise MetricError(f"clip {pair.generated.id}: {self.name} needs the faces of the clips")
        sides = {"generated": (pair.generated, pair.landmarks[1])}
        if self.paired:
            sides["reference"] = (pair.reference, pair.landmarks[0])
        columns = {}
        for name, (clip, track) in sides.items():
            columns[name] = self.by_frame(clip, track)
            columns[f"{name}_found"] = track.found.copy()
        return Stats(**columns, seconds=np.full(len(pair), 1 / pair.generated.fps))

    def compute(self, stats: Stats) -> float:
        """Closeness to the real rate, or the rate itself."""
        rate = self.rate(stats, "generated")
        if self.real == "none":
            return rate
        real = self.real_rate(stats)
        return 1 - abs(rate - real) / real if real > 0 else math.nan

    def real_rate(self, stats: Stats) -> float:
        """What is taken for real; NaN where it is not known."""
        return self.rate(stats, "reference") if self.paired else REAL_RATES[self.real][self.name]

    def rate(self, stats: Stats, side: str) -> float:
        """The rate of one side over all that is known of it; NaN where nothing is."""
        done, seconds = self._known(stats, side)
        return self.per_s * math.fsum(done) / math.fsum(seconds) if len(seconds) else math.nan

    def per_frame(self, stats: Stats) -> npt.NDArray[np.float64] | None:
        """The rate in each frame, where that is the score."""
        return self.per_s * stats["generated"] if self.real == "none" else None

    def note(self, stats: Stats) -> str | None:
        """Both rates, and what they leave out or lack."""
        said = [] if self._is_all(stats) else [self._said(stats, "generated")]
        if self.paired:
            said.append(self._said(stats, "reference"))
        elif self.real != "none":
            said.append(f"{NAMES[self.real]} {self.real_rate(stats):.3g} {self.unit}")
        if math.isnan(self.compute(stats)) and not math.isnan(self.rate(stats, "generated")):
            said.append("undefined: nothing of the kind in the reference")
        for side in ("generated", "reference")[: 1 + self.paired]:
            if lost := np.count_nonzero(~stats[f"{side}_found"]):
                said.append(f"no face in {lost} of {stats.rows} {side} frames, left out")
        return "; ".join(said) or None

    def _said(self, stats: Stats, side: str) -> str:
        """The rate of one side in words, or why it has none."""
        rate = self.rate(stats, side)
        if math.isnan(rate):
            return f"{side} undefined: {self.unknown if stats[f'{side}_found'].any() else 'no face found'}"
        return f"{side} {rate:.3g} {self.unit}{self._counted(stats, side)}"

    def _is_all(self, stats: Stats) -> bool:
        """Whether the score itself is all that is to be said of the generated clips."""
        rate = self.rate(stats, "generated")
        return self.real == "none" and not math.isnan(rate) and not self._counted(stats, "generated")

    def _counted(self, stats: Stats, side: str) -> str:
        """What the rate of one side is made of, in words."""
        return ""

    def _known(self, stats: Stats, side: str) -> tuple[np.ndarray, np.ndarray]:
        """What was done in each frame that is known, and how long it lasts: two float64 (n,)."""
        known = ~np.isnan(stats[side])
        seconds = stats["seconds"][known]
        return stats[side][known] * seconds, seconds
