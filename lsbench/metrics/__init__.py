"""Metrics: one family a file. `lsbench.metrics.ssim` is imported when it is first used."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lsbench.metrics import (
        akd,
        aperture,
        coverage,
        csim,
        dists,
        fid,
        flicker,
        from_piq,
        jitter,
        leaks,
        lmd,
        lpips,
        naturalness,
        psnr,
        seam,
        sharpness,
        silence,
        ssim,
        sync,
        syncnet,
        visemes,
        vmaf,
    )

__all__ = [
    "akd",
    "aperture",
    "coverage",
    "csim",
    "dists",
    "fid",
    "flicker",
    "from_piq",
    "jitter",
    "leaks",
    "lmd",
    "lpips",
    "naturalness",
    "psnr",
    "seam",
    "sharpness",
    "silence",
    "ssim",
    "sync",
    "syncnet",
    "visemes",
    "vmaf",
]


if not TYPE_CHECKING:  # a type checker knows the names above, and no others

    def __getattr__(name: str) -> ModuleType:
        if name in __all__:
            return import_module(f"{__name__}.{name}")
        from lsbench.registry import unknown

        raise AttributeError(f"module {__name__!r}: {unknown('family', name, __all__)}")


def __dir__() -> list[str]:
    return sorted({*__all__, *globals()})
