"""Visemes: are the lips shut where b, m and p are said, and do they take the shapes of what is said?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from lsbench.metrics._base.landmarks import LOST as NO_FACE
from lsbench.metrics._base.landmarks import aperture, checked_points, mean_defined
from lsbench.metrics._base.learner import Learner
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.metrics._visemes.lip_shapes import VisemeShapes, lip_shapes, phone_shapes
from lsbench.metrics._visemes.spoken import (
    UNSHAPED,
    UNTAUGHT,
    SpokenMetric,
    head,
    on_frames,
    outcome_of,
    rows,
)
from lsbench.speech.aligner import HEARD, Alignment
from lsbench.speech.transcript import Timed
from lsbench.speech.visemes import OPEN, SHUT, TUCKED, VISEMES

REACH_S = 0.02  # half a frame of 25 a second; half a frame where frames are further apart
SHUT_GAP, TUCKED_GAP, WIDE_GAP = 0.025, 0.05, 0.1  # apertures, inter-ocular distances
HEAD, CLOSURE, VOWEL = range(3)  # kinds of rows


def viseme_closure(landmarks: np.ndarray, phones: Sequence[tuple[str, float, float]], *, fps: float) -> float:
    """Are the lips shut where they must be, and not elsewhere, in one clip (see VisemeClosure).

    Args:
        landmarks: floating point (T, 80, 2) px, NaN in frames without a face.
        phones: ARPAbet or IPA, with start and end in seconds from frame 0 on.
        fps: of the video.

    Returns:
        -1 to 1; NaN where no closure or no open vowel is said.

    Raises:
        MetricError: where landmarks are not of this kind.
    """
    metric = VisemeClosure()
    points = checked_points(metric.name, "generated", landmarks)
    said = Alignment(tuple(Timed(*phone) for phone in phones))
    return metric.compute(metric.closures(points, said, fps))


@dataclass(frozen=True, kw_only=True)
class VisemeClosure(SpokenMetric):
    """Are the lips shut at b, m and p, nearly at f and v, and not at open vowels: 1 if always, 0 for any still mouth.

    Phones come from aligning the words that are said to the generated video's own sound (see docs). Of b, m, p, f and v
    the least aperture (see mouth_aperture_corr) counts, of the frames from 0.02 s before the phone to 0.02 s after it,
    or half a frame where that is more; of vowels as in "far", "bed" and "law" every frame. A mouth is shut by the share
    s = (0.1 - aperture) / (0.1 - 0.025), cut to 0 to 1: from 0.025 inter-ocular distances on closure_f1
    takes lips for shut, and 0.1 is less than vowels have. Of f and v, where the lower lip meets the upper teeth and a
    gap between the lips is seen, 0.05 stands for 0.025. The value is the mean s of all closures less the mean s of all
    vowels: a mouth that does not move, or moves as if it did not hear, has about 0. A phone without a face counts as
    wrong.
    """

    name: ClassVar[str] = "viseme_closure"
    asks: ClassVar[str] = "Are the lips shut where b, m, p, f and v are said, and open at vowels?"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    source: ClassVar[str] = "docs/visemes.md of lsbench"

    def measure(self, pair: ClipPair) -> Stats:
        """The rows of closures()."""
        points, heard = self.spoken(pair)
        return self.closures(points, heard, pair.generated.fps)

    def closures(self, landmarks: np.ndarray, heard: Alignment, fps: float) -> Stats:
        """A row of the clip and one of each closure and vowel: kind, int8, HEAD, CLOSURE or VOWEL; shut: float64, the
        share by which the mouth is shut; beside the columns of SpokenMetric."""
        gap, reach_s = aperture(landmarks), max(REACH_S, 0.5 / fps)
        listed = [head(outcome_of(heard), heard) | {"kind": HEAD, "shut": math.nan}]
        near = on_frames(heard.phones, len(gap), fps, reach_s)
        for said, around in zip(on_frames(heard.phones, len(gap), fps), near, strict=True):
            if said.viseme in (SHUT, TUCKED):
                kind, seen = CLOSURE, gap[around.first : around.stop]
            elif said.viseme in OPEN:
                kind, seen = VOWEL, gap[said.first : said.stop]
            else:
                continue
            seen = seen[np.isfinite(seen)]
            share = float(kind == VOWEL)  # without a face: wrong
            if len(seen):
                full = TUCKED_GAP if said.viseme == TUCKED else SHUT_GAP
                shares = np.clip((WIDE_GAP - seen) / (WIDE_GAP - full), 0, 1)
                share = float(shares.max()) if kind == CLOSURE else mean_defined(shares)
            listed.append({"frame": said.middle, "kind": kind, "shut": share, "found": len(seen) > 0})
        return rows(listed, {"kind": np.int8, "shut": np.float64})

    def compute(self, stats: Stats) -> float:
        """The mean over closures less that over vowels."""
        closures, vowels = (mean_defined(stats["shut"][stats["kind"] == kind]) for kind in (CLOSURE, VOWEL))
        return closures - vowels

    def note(self, stats: Stats) -> str | None:
        closures, vowels = (np.count_nonzero(stats["kind"] == kind) for kind in (CLOSURE, VOWEL))
        notes = [super().note(stats)]
        if closures and vowels:
            shut = np.count_nonzero((stats["kind"] == CLOSURE) & (stats["shut"] >= 0.5))
            notes.append(f"{shut} of {closures} closures more than half made")
        elif (stats["outcome"] == HEARD).any():
            notes.append("undefined: " + ("no open vowel is said" if closures else "no b, m, p, f or v is said"))
        return "; ".join(filter(None, notes)) or None


@dataclass(frozen=True, kw_only=True)
class VisemeLMD(SpokenMetric):
    """How far the lips are from the shapes that this speaker gives to what is said, in inter-ocular distances.

    Phones come from aligning the words to the generated video's own sound (see docs), and are of 14 visemes. The lips
    of a phone are the mean of its frames' 40 points, each frame about its own mean, upright and over the distance of
    its outer eye corners. Its distance is the mean Euclidean one from the mean shape of that viseme in other real
    clips of the same speaker, those of the protocol's reference; the value is the mean over phones. Visemes that those
    clips say less than twice are left out. A phone without a face counts 0.25. Real clips do not have 0: a sound has
    not one shape. With relative=yes the mean distance from the shapes of all visemes is taken off: less than 0 where
    lips are nearer to what is said than to anything else, about 0 where they do not hear. That forgives lips that are
    always off in the same way, and tells other faults more surely; a phone without a face counts 0.25 there too.
    """

    name: ClassVar[str] = "viseme_lmd"
    asks: ClassVar[str] = "Do the lips take the shapes that this speaker's lips take for what is said?"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    source: ClassVar[str] = "docs/visemes.md of lsbench"

    relative: bool = False

    @property
    def learner(self) -> Learner:
        return VisemeShapes()

    def measure(self, pair: ClipPair) -> Stats:
        """A row of the clip and one of each phone that has a viseme which the model has: viseme, looks: int8, which it
        is and whose mean shape is nearest; distance: float64; beside the columns of SpokenMetric."""
        points, heard = self.spoken(pair)
        model = pair.models.get(self.learner.signature, {})
        real = model.get("shape", np.full((len(VISEMES), 1, 2), np.nan))
        known = np.isfinite(real).all(axis=(1, 2))
        said = [each for each in on_frames(heard.phones, len(points), pair.generated.fps) if each.viseme >= 0]
        kept = [each for each in said if known[each.viseme]]
        outcome = outcome_of(heard)
        if outcome == HEARD and not kept:
            outcome = UNSHAPED if "shape" in model else UNTAUGHT
        listed = [head(outcome, heard) | {"viseme": -1, "looks": -1, "distance": math.nan}]
        shown = phone_shapes(lip_shapes(points), [(each.first, each.stop) for each in kept])
        for each, shape in zip(kept, shown, strict=True):
            distances = np.linalg.norm(shape - real[known], axis=2).mean(axis=1) if np.isfinite(shape).all() else None
            row: dict[str, float] = {"frame": each.middle, "viseme": each.viseme, "found": distances is not None}
            if distances is None:
                row |= {"looks": -1, "distance": NO_FACE}
            else:
                of = np.flatnonzero(known)
                distance = distances[np.searchsorted(of, each.viseme)] - (distances.mean() if self.relative else 0.0)
                row |= {"looks": of[distances.argmin()], "distance": distance}
            listed.append(row)
        return rows(listed, {"viseme": np.int8, "looks": np.int8, "distance": np.float64})

    def compute(self, stats: Stats) -> float:
        """The mean over phones."""
        return mean_defined(stats["distance"])

    def detail(self, parts: Sequence[Stats]) -> dict[str, Any]:
        """visemes: their names; phones, distance: of each, how many and their mean; looks_like: of the phones of each
        viseme (rows), how many look most like each viseme's real shape (columns)."""
        count = len(VISEMES)
        looks, phones = np.zeros((count, count), np.int64), np.zeros(count, np.int64)
        far: list[list[float]] = [[] for _ in VISEMES]
        for stats in parts:
            for viseme, look, distance in zip(stats["viseme"], stats["looks"], stats["distance"], strict=True):
                if viseme >= 0:
                    phones[viseme] += 1
                    far[viseme].append(float(distance))
                if look >= 0:
                    looks[viseme, look] += 1
        means = [round(math.fsum(each) / len(each), 5) if each else None for each in far]
        return {
            "visemes": list(VISEMES),
            "phones": phones.tolist(),
            "distance": means,
            "looks_like": looks.tolist(),
        }
