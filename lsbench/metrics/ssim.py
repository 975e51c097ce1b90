"""Structural similarity (SSIM): a metric, functions on arrays, and a differentiable form for tensors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from lsbench.errors import MetricError
from lsbench.metrics._base.frame_metric import FrameMetric
from lsbench.metrics._base.images import COLORS, PEAK, Images, Levels

if TYPE_CHECKING:
    import torch

K1, K2 = 0.01, 0.03
LUMA = (0.299, 0.587, 0.114)
_CPU_SAMPLES = 1 << 17  # samples worked on together on a CPU: more would leave its cache


def ssim(
    reference: Images,
    generated: Images,
    *,
    color: str = "rgb",
    window: int = 11,
    sigma: float = 1.5,
    levels: Levels = None,
) -> float:
    """Mean SSIM of frames (see SSIM).

    Args:
        reference, generated: images of one shape (see lsbench.metrics._base.images).
        color: rgb or luma.
        window: size of the window in px, odd.
        sigma: of its Gaussian, px.
        levels: what black and white are in floating-point tensors, such as (0, 1).

    Returns:
        -1 to 1, 1 for identical frames.

    Raises:
        MetricError: where they are no such images, of two shapes, or smaller than the window.
    """
    return SSIM(color=color, window=window, sigma=sigma)(reference, generated, levels)


def ssim_frames(
    reference: Images,
    generated: Images,
    *,
    color: str = "rgb",
    window: int = 11,
    sigma: float = 1.5,
    levels: Levels = None,
) -> npt.NDArray[np.float64]:
    """SSIM of each frame (see SSIM).

    Args:
        reference, generated, color, window, sigma, levels: as for ssim().

    Returns:
        float64 (T,), -1 to 1.

    Raises:
        MetricError: as ssim().
    """
    return SSIM(color=color, window=window, sigma=sigma).frames(reference, generated, levels)


def ssim_torch(
    reference: torch.Tensor,
    generated: torch.Tensor,
    *,
    color: str = "rgb",
    data_range: float = PEAK,
    window: int = 11,
    sigma: float = 1.5,
) -> torch.Tensor:
    """SSIM of each image on any device, differentiable (see SSIM); agrees with ssim_frames within 5e-6.

    Args:
        reference, generated: (T, 3, H, W) in [0, data_range]. Half precision and uint8 are computed in float32,
            float64 in itself.
        color: rgb or luma.
        data_range: the level of white.
        window: size of the window in px, odd.
        sigma: of its Gaussian, px.

    Returns:
        (T,), -1 to 1.

    Raises:
        MetricError: where floating point images leave [0, data_range], or both stay below 1 while data_range is larger.
    """
    import torch

    SSIM(color=color, window=window, sigma=sigma)
    _demand_images(reference, generated)
    _demand_levels(reference, generated, data_range)
    _demand_room(reference.shape[2:], window)
    batch = max(1, _CPU_SAMPLES // reference[0].numel()) if reference.device.type == "cpu" else len(reference)
    parts = zip(torch.split(reference, batch), torch.split(generated, batch), strict=True)
    weights = gaussian(window, sigma)
    return torch.cat([_score(x, y, color, data_range, weights) for x, y in parts])


def _score(x: torch.Tensor, y: torch.Tensor, color: str, data_range: float, weights: np.ndarray) -> torch.Tensor:
    """ssim_torch of checked tensors at one go."""
    import torch

    x, y = (images.to(torch.promote_types(images.dtype, torch.float32)) for images in (x, y))
    if color == "luma":
        x, y = (LUMA[0] * images[:, :1] + LUMA[1] * images[:, 1:2] + LUMA[2] * images[:, 2:] for images in (x, y))
    u, v = x + y - data_range, x - y  # the same four maps as the compiled kernel
    u, v, uu, vv = _blur(torch.stack([u, v, u * u, v * v]), weights)
    u_variance, v_variance = uu - u * u, vv - v * v
    uu, vv = (u + data_range) ** 2, v * v
    c1, c2 = 2 * (K1 * data_range) ** 2, 2 * (K2 * data_range) ** 2
    lightness = (uu - vv + c1) / (uu + vv + c1)
    structure = (u_variance - v_variance + c2) / (u_variance + v_variance + c2)
    scores: torch.Tensor = (lightness * structure).mean((1, 2, 3))
    return scores


def gaussian(window: int, sigma: float) -> npt.NDArray[np.float64]:
    """Weights of the window along one axis, float64 (window,), sum 1."""
    weights: npt.NDArray[np.float64] = np.exp(-((np.arange(window) - window // 2) ** 2) / (2 * sigma**2))
    weights /= weights.sum()
    return weights


@dataclass(frozen=True, kw_only=True)
class SSIM(FrameMetric):
    """Structural similarity, -1 to 1, 1 for identical frames; NaN where a crop is smaller than the window.

    (2 mx my + C1)(2 cov + C2) / ((mx^2 + my^2 + C1)(var x + var y + C2)), C1 = (0.01 * 255)^2, C2 = (0.03 * 255)^2,
    with moments under a Gaussian window, population covariance, no downsampling; averaged over every position where the
    window lies inside the frame, over channels (color=rgb), then over frames. Computed in float32 within 5e-6.
    """

    name: ClassVar[str] = "ssim"
    asks: ClassVar[str] = "Are brightness, contrast and pattern the same in every small neighbourhood?"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    source: ClassVar[str] = "Wang, Bovik, Sheikh, Simoncelli 2004, IEEE TIP 13(4), doi 10.1109/TIP.2003.819861"

    color: str = field(default="rgb", metadata={"choices": COLORS})
    window: int = 11
    sigma: float = 1.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.window < 3 or self.window % 2 == 0:
            raise MetricError(f"{self.name}: window={self.window}; expected an odd number of pixels from 3 on")
        if not 1e-3 <= self.sigma <= 1e3:
            raise MetricError(f"{self.name}: sigma={self.sigma}; expected a positive number of pixels, 0.001 to 1000")

    @property
    def smallest(self) -> int:
        """The window: it must fit in."""
        return self.window

    def values(self, reference: np.ndarray, generated: np.ndarray) -> npt.NDArray[np.float64]:
        """SSIM of each frame."""
        from lsbench.metrics._kernels.ssim_kernel import ssim_frames

        weights = gaussian(self.window, self.sigma)
        return ssim_frames(reference, generated, weights, self.color == "luma", (K1 * PEAK) ** 2, (K2 * PEAK) ** 2)

    def why_undefined(self) -> str:
        """The window does not fit."""
        return f"the crop is smaller than the {self.window} x {self.window} window"

    def too_small(self, width: int, height: int) -> str:
        """The window does not fit."""
        return _too_small(width, height, self.window)


def _blur(maps: torch.Tensor, weights: np.ndarray) -> torch.Tensor:
    """The window over the last two axes, valid region: a + sum of weights * (left + right - 2 a), exact where flat.

    Sums of slices rather than products: no TF32, no autocast, the same on every device.
    """
    import torch

    last, half = len(weights) - 1, len(weights) // 2
    for axis in (-2, -1):
        size = maps.shape[axis] - last
        middle = blurred = maps.narrow(axis, half, size)
        for k in range(half):
            both = maps.narrow(axis, k, size) + maps.narrow(axis, last - k, size)
            blurred = torch.add(blurred, torch.sub(both, middle, alpha=2), alpha=float(weights[k]))
        maps = blurred
    return maps


def _too_small(width: int, height: int, window: int) -> str:
    return (
        f"ssim: frames are {width} x {height}; expected at least the window, {window} x {window}. "
        "Pass larger frames or a smaller window"
    )


def _demand_room(size: Any, window: int) -> None:
    height, width = size
    if min(height, width) < window:
        raise MetricError(_too_small(width, height, window))


def _demand_images(reference: Any, generated: Any) -> None:
    import torch

    expected = "expected a torch.Tensor, floating point or uint8, (images, 3, height, width)"
    for which, images in (("reference", reference), ("generated", generated)):
        if not isinstance(images, torch.Tensor):
            raise MetricError(f"ssim: {which} is a {type(images).__qualname__}; {expected}. For arrays: ssim_frames")
        if not (images.is_floating_point() or images.dtype == torch.uint8) or images.ndim != 4 or images.shape[1] != 3:
            raise MetricError(f"ssim: {which} is {images.dtype} {tuple(images.shape)}; {expected}")
    if reference.shape != generated.shape or not len(reference):
        raise MetricError(f"ssim: {tuple(reference.shape)} beside {tuple(generated.shape)}; expected one shape, no 0")


def _demand_levels(reference: torch.Tensor, generated: torch.Tensor, data_range: float) -> None:
    import torch

    if reference.is_floating_point() != generated.is_floating_point():
        raise MetricError(f"ssim: reference is {reference.dtype}, generated {generated.dtype}; expected levels alike")
    if not reference.is_floating_point():
        return
    highest = 0.0
    for which, images in (("reference", reference), ("generated", generated)):
        low, high = (float(level) for level in torch.aminmax(images.detach()))
        if not (low >= 0 and high <= data_range):
            raise MetricError(
                f"ssim: {which} has levels from {low:g} to {high:g}; expected 0 to data_range, {data_range:g}. "
                "Clamp them, or pass the range that they have"
            )
        highest = max(highest, high)
    if highest <= 1 < data_range:
        raise MetricError(f"ssim: levels up to {highest:g}, data_range {data_range:g}. From [0, 1]: pass data_range=1")
