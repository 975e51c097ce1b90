"""What lsbench gives for five pairs of pictures with published values: `python bench/calibration.py FOLDER`.

The folder holds the pictures, reference/NAME.png and distorted/NAME.png, which are no part of the repository.
docs/sets.md and docs/pictures.md have the published values beside these, tests/metrics/test_calibration.py holds them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from lsbench.metrics import dists, from_piq, lpips, psnr, ssim
from lsbench.metrics._sets.frechet import frechet_distance
from lsbench.networks import alexnet, vgg, weights
from lsbench.networks.features import INCEPTION, frame_features

NAMES = ("I03", "I04", "I06", "I08", "I19")

Pictures = np.ndarray


def grey(pictures: Pictures) -> Pictures:
    """Luma rounded to 8 bits, on all three channels."""
    luma = pictures @ np.array([0.299, 0.587, 0.114])
    return np.repeat(np.rint(luma)[..., None], 3, axis=-1).astype(np.uint8)


def of_luma(reference: Pictures, generated: Pictures) -> float:
    """ssim:color=luma"""
    return ssim.ssim(reference, generated, color="luma")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    sides = [
        np.stack([np.asarray(Image.open(folder / side / f"{name}.png").convert("RGB")) for name in NAMES])
        for side in ("reference", "distorted")
    ]
    greys = [grey(pictures) for pictures in sides]
    files = {name: weights.fetch(name) for name in ("alexnet", "vgg16", "dists", "inception")}

    def by_pair(function: Callable[[Pictures, Pictures], float], pictures: list[Pictures]) -> list[float]:
        return [function(reference, distorted) for reference, distorted in zip(*pictures, strict=True)]

    rows: dict[str, Sequence[float] | np.ndarray] = {
        "lpips": lpips.lpips_frames(sides[0], sides[1], alexnet.load(files["alexnet"])),
        "lpips:net=vgg": lpips.lpips_frames(sides[0], sides[1], vgg.load(files["vgg16"])),
        "dists": dists.dists_frames(sides[0], sides[1], vgg.load_dists(files["vgg16"], files["dists"])),
        "psnr": by_pair(psnr.psnr, sides),
        "ssim": by_pair(ssim.ssim, sides),
        "ssim:color=luma": by_pair(of_luma, sides),
        "ssim, luma in 8 bits": by_pair(ssim.ssim, greys),
        "ms_ssim": by_pair(from_piq.ms_ssim, sides),
        "ms_ssim, luma in 8 bits": by_pair(from_piq.ms_ssim, greys),
        "fsim": by_pair(from_piq.fsim, sides),
        "vif": by_pair(from_piq.vif, sides),
        "gmsd": by_pair(from_piq.gmsd, sides),
        "gmsd, luma in 8 bits": by_pair(from_piq.gmsd, greys),
    }
    print(" " * 28 + "".join(f"{name:>10}" for name in NAMES))
    for name, values in rows.items():
        print(f"{name:<28}" + "".join(f"{value:>10.5f}" for value in values))
    features = [frame_features(pictures, INCEPTION, files["inception"]) for pictures in sides]
    print(f"\nfid of the five: {frechet_distance(*features):.4f}")


if __name__ == "__main__":
    main()
