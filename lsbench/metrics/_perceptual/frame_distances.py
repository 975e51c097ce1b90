"""Distances of frames by what a network sees in both, batch by batch; a reference may be seen once for many of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from lsbench.errors import MetricError
from lsbench.metrics._base.images import Images, Levels, checked_frames

if TYPE_CHECKING:
    from torch import Tensor

    from lsbench.networks.batches import Batching


Job = TypeVar("Job")
Done = TypeVar("Done")


class Network(Protocol):
    """What a network of frame distances gives: see lsbench.networks.lpips.LPIPS."""

    device: str
    identity: tuple[str, ...]
    smallest: int
    batching: Batching

    def features(self, images: Tensor) -> Iterator[Tensor]: ...

    def distance(self, reference: Iterable[Tensor], generated: Iterable[Tensor]) -> Tensor: ...


@dataclass(frozen=True, eq=False)
class Features:
    """What a network sees in reference frames, to compare many generators with.

    frames: those that the features are of, as they were given. batches: which frames lie together, and their features
    layer by layer, (B, channels, h, w) each.
    """

    frames: np.ndarray
    batches: list[tuple[slice, list[Tensor]]]


def frame_distances(
    metric: str, reference: Images | Features, generated: Images, network: Network, levels: Levels = None
) -> npt.NDArray[np.float64]:
    """The distance of each frame: float64 (T,), or (T, distances) for a network that gives several.

    Args:
        metric: named in messages.
        reference: images (see lsbench.metrics._base.images), or reference_features() of them.
        generated: images.
        network: that sees them.
        levels: what black and white are in floating-point tensors.

    Raises:
        MetricError: where they are no such images, too small, or a distance is not finite.
    """
    import torch

    from lsbench.networks import batches
    from lsbench.networks.kept_features import KEPT

    seen = reference if isinstance(reference, Features) else None
    frames, generated = checked_frames(metric, seen.frames if seen else reference, generated, levels)
    _demand_room(metric, frames, network)

    def score(job: tuple[slice, Any]) -> Tensor:
        part, before = job
        if before is None and network.device == "cpu":
            before = KEPT.layers(_key(frames[part], network), partial(_see, frames[part], network))
        elif before is None:
            before = _see(frames[part], network)
        return network.distance(before, _see(generated[part], network))[: len(frames[part])]

    def score_all(jobs: Sequence[tuple[slice, Any]]) -> Tensor:
        return torch.cat(_each(score, jobs, frames[jobs[0][0]], network))

    if seen:
        distances = score_all(seen.batches)
    else:
        distances = _sized(
            lambda most: score_all([(part, None) for part in batches.even(len(frames), most)]), frames, network
        )
    values = distances.cpu().numpy()
    if not np.isfinite(values).all():
        raise MetricError(f"{metric}: not a finite number; are its weights whole? Run lsbench weights verify")
    return values


def reference_features(metric: str, reference: Images, network: Network, levels: Levels = None) -> Features:
    """What a network sees in reference frames: half the work for every further generator.

    Args:
        metric, reference, network, levels: as for frame_distances().

    Raises:
        MetricError: where they are no such images, or too small.
    """
    from lsbench.networks import batches

    frames, _ = checked_frames(metric, reference, reference, levels)
    _demand_room(metric, frames, network)

    def see(part: slice) -> tuple[slice, list[Tensor]]:
        return part, list(_see(frames[part], network))

    def see_all(most: int) -> list[tuple[slice, list[Tensor]]]:
        parts = batches.even(len(frames), most)
        return _each(see, parts, frames[parts[0]], network)

    return Features(frames if np.ndim(reference) == 4 else frames[0], _sized(see_all, frames, network))


def _see(frames: np.ndarray, network: Network) -> Iterator[Tensor]:
    from lsbench.networks import batches

    least = network.batching.least(_pixels(frames[0]), network.device)
    return network.features(batches.images(frames, network.device, least))


def _sized(work: Callable[[int], Done], frames: np.ndarray, network: Network) -> Done:
    """work(most), in batches of as many frames as the network takes of this size; see batches.sized()."""
    from lsbench.networks import batches

    pixels, batching = _pixels(frames[0]), network.batching
    return batches.sized(work, network.device, batching.on_cpu(pixels), batching.pixel_bytes * pixels)


def _each(function: Callable[[Job], Done], jobs: Sequence[Job], first: np.ndarray, network: Network) -> list[Done]:
    """function() of every batch; first: the frames of one of them."""
    from lsbench.networks import batches

    return batches.each(function, jobs, network.device, network.batching.at_once(_pixels(first)))


def _pixels(frames: np.ndarray) -> int:
    return frames.size // 3


def _key(frames: np.ndarray, network: Network) -> tuple[object, ...]:
    """Of all that decides the features of frames on the CPU."""
    return network.identity, frames.shape, hashlib.sha256(np.ascontiguousarray(frames).data).digest()


def _demand_room(metric: str, frames: np.ndarray, network: Network) -> None:
    height, width = frames.shape[1:3]
    if min(height, width) < network.smallest:
        raise MetricError(
            f"{metric}: frames are {width} x {height}; expected at least {network.smallest} px a side, the least that "
            "its network can take. Pass larger frames"
        )
