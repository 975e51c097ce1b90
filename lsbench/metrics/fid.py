"""Metrics that compare all frames as a set: FID, KID, FID-infinity, and the same distance on EfficientNet features.

They have no value for one clip: a set of 75 near copies says little. Features are computed once a clip and region, and
kept in the run, so that all of them cost one pass of a network.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from lsbench.errors import MetricError
from lsbench.face.track import Region
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.metrics._sets.distribution import Distribution, demand, frechet_of, singular
from lsbench.metrics._sets.features import pair_features
from lsbench.metrics._sets.kid import kernel_distance
from lsbench.metrics._sets.set_influence import frechet_influence, kernel_influence
from lsbench.networks.features import EFFICIENTNET_LITE0, ENGINES, INCEPTION, Network


@dataclass(frozen=True, kw_only=True)
class FrameDistribution(Distribution):
    """Base of the metrics on sets of frames.

    engine: what runs the network on the CPU (onnx needs the extra onnx). every: take each clip's frames 0, every,
    2 every ...: neighbouring frames are near copies, and cost as much as others.
    """

    network: ClassVar[Network]
    revision: ClassVar[int] = 2  # 1: other kernels of the networks, whose features differ by 4e-6 of 3

    engine: str = field(default=ENGINES[0], metadata={"choices": ENGINES})
    every: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        demand(self.name, "every", self.every, 1)

    def reach_frames(self, fps: float) -> int:
        """Every frame on its own."""
        return 0

    def measure(self, pair: ClipPair) -> Stats:
        """reference, generated: float32 (T, d) features of the region, the same arrays for all metrics of a network."""
        reference, generated = pair_features(pair, self.network, self.region or Region.WHOLE, self.engine, self.every)
        return Stats(reference=reference, generated=generated)

    def without(self, stats: Stats, left_out: npt.NDArray[np.bool_]) -> Stats:
        """The features of the frames that are left, of those that were taken."""
        return super().without(stats, left_out[:: self.every])

    def segments(self, stats: Stats, edges: npt.NDArray[np.int64], seen: npt.NDArray[np.bool_]) -> list[Stats] | None:
        """The features of the frames that were taken, by segments."""
        return super().segments(stats, edges, seen & (np.arange(len(seen)) % self.every == 0))


@dataclass(frozen=True, kw_only=True)
class Frechet(FrameDistribution):
    """Base of the Fréchet distances: see lsbench.metrics._sets.frechet for the formula and how exact it is."""

    def fold(self, parts: Sequence[Stats]) -> tuple[float, str | None]:
        count, value = frechet_of(parts)
        if count < 2:
            return value, f"undefined: N = {count}, and a covariance takes 2 frames a side"
        return value, f"N = {count} frames a side{singular(count, self.network.width)}"

    def influence(self, parts: Sequence[Stats]) -> np.ndarray:
        return frechet_influence(parts)


@dataclass(frozen=True, kw_only=True)
class FID(Frechet):
    """Fréchet Inception distance: of the 2048 pool features of pytorch-fid's Inception, resized and scaled as there.

    Agrees with pytorch-fid on the same frames within 1e-5 where more frames than features make its root well defined.
    """

    name: ClassVar[str] = "fid"
    asks: ClassVar[str] = "Do all frames together look like the reference's, to Inception?"
    source: ClassVar[str] = "Heusel et al. 2017, arXiv 1706.08500; network and resizing of pytorch-fid"
    weights: ClassVar[tuple[str, ...]] = ("inception",)
    network: ClassVar[Network] = INCEPTION


@dataclass(frozen=True, kw_only=True)
class FDEfficientNetLite0(Frechet):
    """Fréchet distance of 1280 EfficientNet-Lite0 features: for machines without Inception's weights. It is not FID."""

    name: ClassVar[str] = "fd_efficientnet_lite0"
    asks: ClassVar[str] = "Do all frames together look like the reference's, to EfficientNet-Lite0?"
    source: ClassVar[str] = "distance: Heusel et al. 2017; features: Tan & Le 2019, arXiv 1905.11946, Lite0"
    weights: ClassVar[tuple[str, ...]] = ("efficientnet_lite0",)
    network: ClassVar[Network] = EFFICIENTNET_LITE0


@dataclass(frozen=True, kw_only=True)
class KID(FrameDistribution):
    """Kernel Inception distance: unbiased MMD² of FID's features, mean over random subsets (see _sets/kid.py).

    subset_size is lowered to N where there are fewer frames; one subset then holds them all, and there is no spread.
    """

    name: ClassVar[str] = "kid"
    asks: ClassVar[str] = "As fid, and does it still hold with few frames?"
    source: ClassVar[str] = "Bińkowski et al. 2018, arXiv 1801.01401; subsets as torch-fidelity draws them"
    weights: ClassVar[tuple[str, ...]] = ("inception",)
    network: ClassVar[Network] = INCEPTION

    subsets: int = 100
    subset_size: int = 1000
    seed: int = 2020

    def __post_init__(self) -> None:
        super().__post_init__()
        demand(self.name, "subsets", self.subsets, 1)
        demand(self.name, "subset_size", self.subset_size, 2)
        demand(self.name, "seed", self.seed, 0)

    def fold(self, parts: Sequence[Stats]) -> tuple[float, str | None]:
        with _on_disk(parts) as (reference, generated):
            count = len(reference)
            distances = kernel_distance(reference, generated, self.subsets, self.subset_size, self.seed)
        value = float(distances.mean())
        if count < 2:
            return value, f"undefined: N = {count}, and pairs of different frames take 2 a side"
        if len(distances) == 1:
            return value, f"N = {count} frames a side, all in one subset: no spread"
        deviation = f"± {distances.std():.2g} over {self.subsets} subsets of {min(self.subset_size, count)}"
        return value, f"N = {count} frames a side; {value:.4g} {deviation}"

    def influence(self, parts: Sequence[Stats]) -> np.ndarray:
        return kernel_influence(parts)


@dataclass(frozen=True, kw_only=True)
class FIDInfinity(FrameDistribution):
    """FID at infinitely many frames: the line through FID against 1/N, at 1/N = 0.

    The clips are split at random into 1, 2, ... `splits` groups of about equal size; each group gives one FID of
    its own reference and generated frames, and all of them one least-squares line. Whole clips are drawn, because
    neighbouring frames are near copies. Deviates from Chong & Forsyth, who draw frames of the generated side alone:
    here both sides shrink, so the bias of both is taken out, and every clip counts at every N.
    """

    name: ClassVar[str] = "fid_inf"
    asks: ClassVar[str] = "What would FID be with endless frames?"
    source: ClassVar[str] = "Chong & Forsyth 2020, arXiv 1911.07023, by whole clips"
    weights: ClassVar[tuple[str, ...]] = ("inception",)
    network: ClassVar[Network] = INCEPTION

    splits: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        demand(self.name, "splits", self.splits, 2)
        demand(self.name, "seed", self.seed, 0)

    def fold(self, parts: Sequence[Stats]) -> tuple[float, str | None]:
        if len(parts) < 2 * self.splits:
            return math.nan, f"undefined with fewer than {2 * self.splits} clips, two for each of {self.splits} groups"
        groups = self._groups(len(parts))
        points = [frechet_of(parts[int(clip)] for clip in group) for group in groups]
        counts, values = (np.array(column, np.float64) for column in zip(*points, strict=True))
        intercept, slope, error = _line(1 / counts, values)
        fewest = int(counts.min())
        return intercept, (
            f"± {error:.2g}; {len(points)} groups of clips, N = {fewest} to {int(counts.max())} frames a side, "
            f"slope {slope:.4g} / N{singular(fewest, self.network.width)}"
        )

    def segments(self, stats: Stats, edges: npt.NDArray[np.int64], seen: npt.NDArray[np.bool_]) -> None:
        """None: its groups are of whole clips."""
        return

    def influence(self, parts: Sequence[Stats]) -> np.ndarray:
        """By the groups' influences: the intercept is a weighted sum of their distances."""
        if len(parts) < 2 * self.splits:
            return np.full(len(parts), math.nan)
        groups = self._groups(len(parts))
        rows = np.array([part.rows for part in parts])
        design = np.stack([np.ones(len(groups)), [1 / rows[group].sum() for group in groups]], axis=1)
        moved = np.zeros(len(parts))
        for share, group in zip(np.linalg.pinv(design)[0], groups, strict=True):
            moved[group] += share * frechet_influence([parts[int(clip)] for clip in group]) * len(parts) / len(group)
        return moved

    def _groups(self, clips: int) -> list[np.ndarray]:
        """All clips, then halves, thirds ... of them at random, each in manifest order."""
        order = np.random.RandomState(self.seed).permutation(clips)
        return [np.sort(group) for split in range(1, self.splits + 1) for group in np.array_split(order, split)]


def _line(across: np.ndarray, values: np.ndarray) -> tuple[float, float, float]:
    """Least squares: intercept, slope, and the standard error of the intercept."""
    design = np.stack([np.ones_like(across), across], axis=1)
    inverse = np.linalg.inv(design.T @ design)
    intercept, slope = inverse @ design.T @ values
    residual = values - intercept - slope * across
    error = math.sqrt(float(residual @ residual) / (len(values) - 2) * inverse[0, 0])
    return float(intercept), float(slope), error


@contextmanager
def _on_disk(parts: Iterable[Stats]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The features of all clips, reference and generated, as arrays in temporary files: subsets reach across clips."""
    with tempfile.TemporaryFile() as reference, tempfile.TemporaryFile() as generated:
        count, width = 0, 0
        for stats in parts:
            count, width = count + stats.rows, stats["reference"].shape[1]
            try:
                stats["reference"].tofile(reference)
                stats["generated"].tofile(generated)
            except OSError as error:
                raise MetricError(
                    f"kid: {tempfile.gettempdir()} cannot hold the features of the clips ({error}); "
                    "set TMPDIR to a folder with room"
                ) from error
        shape = (count, width)
        yield np.memmap(reference, np.float32, "r", shape=shape), np.memmap(generated, np.float32, "r", shape=shape)
