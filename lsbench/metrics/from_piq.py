"""Perceptual metrics that need no weights, computed by piq: MS-SSIM, GMSD, FSIM, VIF and HaarPSI.

Options are named and set as piq's are. What is fixed, in piq's code or here, is stated by options of one choice, so
that it shows in the signature, as does piq's version.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from lsbench.errors import MetricError
from lsbench.face.track import Region
from lsbench.metrics._base.frame_metric import FrameMetric
from lsbench.metrics._base.images import Images, Levels
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats

if TYPE_CHECKING:
    from torch import Tensor

PIQ = version("piq")
_BATCH_PIXELS, _BATCH_FRAMES = 3 * 288 * 360, 8  # up to 8 frames a batch give the same bits
_PIXEL_BYTES = 1000  # that FSIM holds of a pair of frames, the most of all


def ms_ssim(reference: Images, generated: Images, *, levels: Levels = None, **options: Any) -> float:
    """MS-SSIM of frames (see MSSSIM).

    Args:
        reference, generated: images of one shape (see lsbench.metrics._base.images).
        levels: what black and white are in floating-point tensors, such as (0, 1).
        options: fields of MSSSIM.

    Returns:
        0 to 1, 1 for identical frames.

    Raises:
        MetricError: where they are no such images, of two shapes, or smaller than the filters.
    """
    return MSSSIM(**options)(reference, generated, levels)


def gmsd(reference: Images, generated: Images, *, levels: Levels = None, **options: Any) -> float:
    """GMSD of frames (see GMSD).

    Args:
        reference, generated: images of one shape (see lsbench.metrics._base.images).
        levels: what black and white are in floating-point tensors, such as (0, 1).
        options: fields of GMSD.

    Returns:
        0 or more, 0 for the same gradients.

    Raises:
        MetricError: where they are no such images, of two shapes, or smaller than the filters.
    """
    return GMSD(**options)(reference, generated, levels)


def fsim(reference: Images, generated: Images, *, levels: Levels = None, **options: Any) -> float:
    """FSIM of frames (see FSIM).

    Args:
        reference, generated: images of one shape (see lsbench.metrics._base.images).
        levels: what black and white are in floating-point tensors, such as (0, 1).
        options: fields of FSIM.

    Returns:
        0 to 1, 1 for identical frames.

    Raises:
        MetricError: where they are no such images, of two shapes, or smaller than the filters.
    """
    return FSIM(**options)(reference, generated, levels)


def vif(reference: Images, generated: Images, *, levels: Levels = None, **options: Any) -> float:
    """VIF of frames (see VIF).

    Args:
        reference, generated: images of one shape (see lsbench.metrics._base.images).
        levels: what black and white are in floating-point tensors, such as (0, 1).
        options: fields of VIF.

    Returns:
        0 or more, above 1 for more contrast.

    Raises:
        MetricError: where they are no such images, of two shapes, or smaller than the filters.
    """
    return VIF(**options)(reference, generated, levels)


def haarpsi(reference: Images, generated: Images, *, levels: Levels = None, **options: Any) -> float:
    """HaarPSI of frames (see HaarPSI).

    Args:
        reference, generated: images of one shape (see lsbench.metrics._base.images).
        levels: what black and white are in floating-point tensors, such as (0, 1).
        options: fields of HaarPSI.

    Returns:
        0 to 1, 1 for identical frames.

    Raises:
        MetricError: where they are no such images, of two shapes, or smaller than the filters.
    """
    return HaarPSI(**options)(reference, generated, levels)


def stated(value: str) -> Any:
    """An option of one choice: what piq does, for the signature alone."""
    return field(default=value, metadata={"choices": (value,)})


@dataclass(frozen=True, kw_only=True)
class PiqMetric(FrameMetric):
    """Base of the metrics that piq computes, from RGB frames in [0, 1] as float32, frame by frame.

    A frame smaller than the metric's filters is NaN; so is one whose reference is of one flat colour, where the metric
    weighs frames by the structure in them (`needs_structure`) and would divide nothing by nothing.
    """

    libraries: ClassVar[tuple[str, ...]] = ("piq",)
    function: ClassVar[str]  # its name in piq
    needs_structure: ClassVar[bool] = False

    piq: str = stated(PIQ)
    data_range: str = stated("0-1")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value in self._arguments().items():
            if not 0 < value < math.inf and not isinstance(value, bool):
                raise MetricError(f"metric {self.name}: option {name}={value}; expected a positive number")

    def values(self, reference: np.ndarray, generated: np.ndarray) -> npt.NDArray[np.float64]:
        """What piq gives for each frame."""
        return self._score(reference, generated)

    def values_of(self, pair: ClipPair, reference: np.ndarray, generated: np.ndarray) -> npt.NDArray[np.float64]:
        """The same, on the pair's device."""
        return self._score(reference, generated, pair.device)

    def too_small(self, width: int, height: int) -> str:
        """The filters do not fit."""
        return (
            f"{self.name}: frames are {width} x {height}; expected at least {self.smallest} px a side, the "
            "reach of its filters. Pass larger frames"
        )

    def measure(self, pair: ClipPair) -> Stats:
        """Values float64 (T,) under the metric's name, NaN where undefined; side: int64 (T,) px, the crop's shorter."""
        values = super().measure(pair)
        side = min(pair.crop(self.region or Region.WHOLE)[0].shape[1:3])
        return Stats(**values, side=np.full(values.rows, side))

    def note(self, stats: Stats) -> str | None:
        small = np.count_nonzero(stats["side"] < self.smallest)
        flat = np.count_nonzero(np.isnan(stats[self.name])) - small
        counts = {f"the crop is under {self.smallest} px": small, "there is no structure to compare": flat}
        reasons = [f"in {count} of {stats.rows} frames {reason}" for reason, count in counts.items() if count]
        return f"undefined: {'; '.join(reasons)}" if reasons else None

    def _arguments(self) -> dict[str, Any]:
        """The options that piq takes."""
        own = [option.name for option in fields(self) if option.name != "region" and "choices" not in option.metadata]
        return {name: getattr(self, name) for name in own}

    def _score(self, reference: np.ndarray, generated: np.ndarray, device: str = "cpu") -> np.ndarray:
        """The value of each frame: contiguous uint8 (T, H, W, 3), large enough -> float64 (T,)."""
        import piq
        import torch

        from lsbench.networks import batches

        function, arguments = getattr(piq, self.function), self._arguments()
        count, height, width = reference.shape[:3]

        def score(part: slice) -> Tensor:
            both = (batches.images(frames[part], device).contiguous() / 255 for frames in (generated, reference))
            values: Tensor = function(*both, data_range=1.0, reduction="none", **arguments)
            return values.double()[: part.stop - part.start]

        def values_of(most: int) -> Tensor:
            return torch.cat(batches.each(score, batches.even(count, most), device))

        on_cpu = min(_BATCH_FRAMES, max(3, _BATCH_PIXELS // (height * width)))
        values = batches.sized(values_of, device, on_cpu, _PIXEL_BYTES * height * width).cpu().numpy()
        undefined = ~np.isfinite(values)
        if self.needs_structure:
            undefined |= (reference == reference[:, :1, :1]).all((1, 2, 3))
        values[undefined] = np.nan
        return values


@dataclass(frozen=True, kw_only=True)
class MSSSIM(PiqMetric):
    """Multi-scale structural similarity, 0 to 1, 1 for identical frames; NaN for crops under 161 px a side.

    Per channel, the product over five scales of SSIM's contrast and structure to the power w, with lightness at the
    coarsest, negative factors taken as 0, each scale the 2 x 2 mean of the one before; then the mean over R, G and B,
    then over frames.
    """

    name: ClassVar[str] = "ms_ssim"
    function: ClassVar[str] = "multi_scale_ssim"
    asks: ClassVar[str] = "Are contrast and pattern the same, near and from afar?"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    source: ClassVar[str] = "Wang, Simoncelli, Bovik 2003, doi 10.1109/ACSSC.2003.1292216; package piq"

    color: str = stated("rgb-mean")
    downsample: str = stated("2x2-mean")
    scale_weights: str = stated("0.0448+0.2856+0.3001+0.2363+0.1333")
    kernel_size: int = 11
    kernel_sigma: float = 1.5
    k1: float = 0.01
    k2: float = 0.03

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kernel_size % 2 == 0:
            raise MetricError(f"metric {self.name}: option kernel_size={self.kernel_size}; expected an odd number")

    @property
    def smallest(self) -> int:
        return (self.kernel_size - 1) * 2**4 + 1


@dataclass(frozen=True, kw_only=True)
class GMSD(PiqMetric):
    """Gradient magnitude similarity deviation, 0 for identical frames; NaN for crops under 6 px a side.

    Standard deviation over pixels of (2 gx gy + t) / (gx^2 + gy^2 + t), with g the Prewitt gradient of luma (Y of YIQ)
    after a 2 x 2 mean; then the mean over frames.
    """

    name: ClassVar[str] = "gmsd"
    function: ClassVar[str] = "gmsd"
    asks: ClassVar[str] = "Are edges changed unevenly over the frame?"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    source: ClassVar[str] = "Xue, Zhang, Mou, Bovik 2013, arXiv 1308.3052; package piq"

    color: str = stated("luma")
    downsample: str = stated("2x2-mean")
    t: str = stated("170/255^2")

    @property
    def smallest(self) -> int:
        return 2 * 3


@dataclass(frozen=True, kw_only=True)
class FSIM(PiqMetric):
    """Feature similarity, 0 to 1, 1 for identical frames; NaN for flat reference frames and crops under 48 px a side.

    Product of the similarities of phase congruency, Scharr gradient and (chromatic=yes: FSIMc) the I and Q of YIQ to
    the power 0.03, averaged with the larger phase congruency as weight; then the mean over frames. Frames are first
    shrunk by the mean over n x n pixels, n = round(shorter side / 256). piq takes crops of any size; here the longest
    wavelength, min_length * mult^(scales - 1) = 48 px, has to fit in.
    """

    name: ClassVar[str] = "fsim"
    function: ClassVar[str] = "fsim"
    asks: ClassVar[str] = "Are edges and lines where the reference has them?"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    source: ClassVar[str] = "Zhang, Zhang, Mou, Zhang 2011, doi 10.1109/TIP.2011.2109730; package piq"
    needs_structure: ClassVar[bool] = True

    color: str = stated("yiq")
    downsample: str = stated("mean-to-256")
    chromatic: bool = True
    scales: int = 4
    orientations: int = 4
    min_length: int = 6
    mult: int = 2
    sigma_f: float = 0.55
    delta_theta: float = 1.2
    k: float = 2.0

    @property
    def smallest(self) -> int:
        return int(self.min_length * self.mult ** (self.scales - 1))


@dataclass(frozen=True, kw_only=True)
class VIF(PiqMetric):
    """Visual information fidelity in the pixel domain (VIFp), 1 for identical frames; NaN for crops under 41 px a side.

    Information that the generated frame keeps of the reference, over the information in the reference, by Gaussian
    models of 17, 9, 5 and 3 px windows on luma at four scales; then the mean over frames. 0 or more, above 1 where the
    generated frame has more contrast; not symmetric. piq gives 1 to whatever is compared with a flat frame: here NaN.
    """

    name: ClassVar[str] = "vif"
    function: ClassVar[str] = "vif_p"
    asks: ClassVar[str] = "How much of the information in the reference is left?"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    source: ClassVar[str] = "Sheikh, Bovik 2006, doi 10.1109/TIP.2005.859378; package piq"
    needs_structure: ClassVar[bool] = True

    color: str = stated("luma")
    downsample: str = stated("gaussian-4-scales")
    sigma_n_sq: float = 2.0

    @property
    def smallest(self) -> int:
        return 41


@dataclass(frozen=True, kw_only=True)
class HaarPSI(PiqMetric):
    """Haar wavelet perceptual similarity, 0 to 1, 1 (within 5e-6) for identical frames; NaN for flat references.

    (logit(mean of sigmoid(alpha s)) / alpha)^2 with s the similarities of the Haar coefficients of 2 and 4 px and of I
    and Q, and the larger coefficient of 8 px as weight, after a 2 x 2 mean (subsample=yes); then the mean over frames.
    NaN too for crops under 16 px a side.
    """

    name: ClassVar[str] = "haarpsi"
    function: ClassVar[str] = "haarpsi"
    asks: ClassVar[str] = "Do fine details agree where coarse ones stand out?"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    source: ClassVar[str] = "Reisenhofer, Bosse, Kutyniok, Wiegand 2018, arXiv 1607.06140; package piq"
    needs_structure: ClassVar[bool] = True

    color: str = stated("yiq")
    scales: str = stated("2+4+8px")
    subsample: bool = True
    c: float = 30.0
    alpha: float = 4.2

    @property
    def smallest(self) -> int:
        return 16
