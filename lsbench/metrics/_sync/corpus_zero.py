"""Where a corpus has its zero: the median lag of its reference clips by the model that comes with lsbench."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lsbench.face.track import FaceTrack
from lsbench.media.clip import Clip
from lsbench.metrics._base.landmarks import tracked_landmarks
from lsbench.metrics._base.learner import Learner, Model, Moments
from lsbench.metrics._base.stats import Stats
from lsbench.metrics._sync import shipped
from lsbench.metrics._sync.measure import MEASURED, REACH_S, measure_sync

BIN_S = 0.01
_BINS = 2 * round(REACH_S / BIN_S) + 3  # a summit may lie half a step beyond the window


@dataclass(frozen=True)
class CorpusZero(Learner):
    """The median over the reference clips of other speakers of their lags, to 10 ms.

    A clip's lag is that of SyncPeak: one histogram a speaker is all that is kept, which adds up, and no clip is
    measured twice.
    """

    needs_pictures: ClassVar[bool] = False

    @property
    def signature(self) -> str:
        return f"corpus_zero.1|shipped:{shipped.shipped_digest()}"

    def learn(self, clip: Clip, track: FaceTrack) -> Stats:
        """lag_s: (1,), NaN where the clip has none."""
        row = measure_sync(tracked_landmarks(track), clip.speech, None, clip.fps, clip.sample_rate, asked=True)
        lag = row["lag_frames"] / clip.fps
        return Stats(lag_s=np.where(row["outcome"] == MEASURED, lag, np.nan))

    def moments(self, stats: Stats) -> Moments:
        """counts (99,), of clips by their lag."""
        lags = stats["lag_s"][np.isfinite(stats["lag_s"])]
        places = np.rint(lags / BIN_S).astype(np.int64) + _BINS // 2
        return {"counts": np.bincount(np.clip(places, 0, _BINS - 1), minlength=_BINS).astype(np.float64)}

    def solve(self, groups: Mapping[str, Moments]) -> Model:
        """zero_s: the median lag, NaN where no clip has one; clips: that have one."""
        counts = np.sum([groups[name]["counts"] for name in sorted(groups)], axis=0).astype(np.int64)
        lags = np.repeat((np.arange(_BINS) - _BINS // 2) * BIN_S, counts)
        return {"zero_s": np.array(np.median(lags) if len(lags) else np.nan), "clips": np.array(len(lags))}
