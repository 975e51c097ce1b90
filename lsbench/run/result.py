"""What a finished run says: scores, and what they leave out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lsbench.metrics._base.stats import Stats


@dataclass(frozen=True)
class Partial:
    """One finished clip: its statistics by metric key, the sha256 of the two files, and the frames compared.

    frames: compared; reference_frames: of the reference clip. lag_frames: by which generated is late.
    """

    clip_id: str
    generated_sha256: str
    reference_sha256: str
    frames: int
    reference_frames: int
    lag_frames: int
    stats: Mapping[str, Stats]


@dataclass(frozen=True)
class Score:
    """One value of a result. value: NaN where undefined; note: what a reader must know beside it."""

    value: float
    better: str
    signature: str
    frames: int
    note: str | None = None


@dataclass(frozen=True)
class Result:
    """What came out of a run.

    scores: by key (`ssim/mouth`), over exactly the clips that were scored. failed: clip id -> why. unavailable: metric
    key -> why it could not be measured. lag_frames: clip id -> lag, where the alignment estimated one. frames: those
    compared, of the reference_frames that the scored reference clips have.
    """

    name: str
    path: Path
    protocol: Mapping[str, Any]
    scores: Mapping[str, Score]
    clips: int
    expected: int
    failed: Mapping[str, str] = field(default_factory=dict)
    extra: tuple[str, ...] = ()
    unavailable: Mapping[str, str] = field(default_factory=dict)
    lag_frames: Mapping[str, int] = field(default_factory=dict)
    frames: int = 0
    reference_frames: int = 0

    @property
    def complete(self) -> bool:
        """Whether every clip of the protocol's manifest was scored."""
        return self.clips == self.expected

    def __getitem__(self, key: str) -> float:
        return self.scores[key].value
