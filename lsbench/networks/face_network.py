"""What the networks have in common that tell faces apart: an aligned picture of one face, and its embedding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lsbench.errors import MetricError, WeightsError
from lsbench.networks.feature_cache import cached_features, machine


@dataclass(frozen=True, eq=False)
class FaceNetwork:
    """A network that is loaded.

    Attributes:
        name: of its weights.
        path: of their file.
        width: numbers of an embedding.
        size: side of the picture that it takes, px.
        chip: frame uint8 (H, W, 3) and landmarks (80, 2) px -> uint8 (size, size, 3), the face upright in it.
        embed: chip -> float32 (width,), by one thread.
        maker: what else than the pixels can move a bit.
    """

    name: str
    path: Path
    width: int
    size: int
    chip: Callable[[np.ndarray, np.ndarray], np.ndarray]
    embed: Callable[[np.ndarray], np.ndarray]
    maker: tuple[object, ...]

    def embeddings(self, frames: np.ndarray, landmarks: np.ndarray, *, keep: bool = False) -> np.ndarray:
        """Embeddings of one face in each frame.

        Args:
            frames: uint8 (n, H, W, 3) RGB.
            landmarks: (n, 80, 2) px, NaN in frames without a face.
            keep: on disk, to read when they are asked for again.

        Returns:
            float32 (n, width), NaN in frames without a face.

        Raises:
            MetricError: where an embedding is not finite.
        """
        shown = np.flatnonzero(np.isfinite(landmarks).all(axis=(1, 2)))
        made = np.full((len(frames), self.width), np.nan, np.float32)
        if not len(shown):
            return made
        chips = np.stack([self.chip(frames[place], landmarks[place].astype(np.float64)) for place in shown])

        def compute() -> np.ndarray:
            return np.stack([self.embed(chip) for chip in chips])

        shape = len(chips), self.width
        made[shown] = cached_features(chips, [*self.maker, *machine("cpu")], shape, compute) if keep else compute()
        if not np.isfinite(made[shown]).all():
            raise MetricError(
                f"{self.name}: an embedding is not finite; are the weights in {self.path} whole? "
                "Run lsbench weights verify"
            )
        return made


def unusable(name: str, path: Path, why: str) -> WeightsError:
    """The error for a file that is not the network that it should be."""
    return WeightsError(f"weights {name}: {path}: {why}")
