"""The paper's own tables: mean, median, maximum and minimum of per-frame values, of each generator."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lsbench.board.board import Board, Row
from lsbench.errors import ComparisonError
from lsbench.run.frames import frame_table

METRICS = ("ssim", "psnr")


@dataclass(frozen=True, eq=False)
class Summary:
    """Per-frame values of one score of one generator. values: float64 (frames,), without undefined frames."""

    generator: str
    key: str
    values: np.ndarray

    @property
    def figures(self) -> dict[str, float]:
        """Mean, median, maximum and minimum, NaN where no frame has a value."""
        if not len(self.values):
            return dict.fromkeys(("mean", "median", "max", "min"), math.nan)
        return {
            "mean": math.fsum(self.values) / len(self.values),
            "median": float(np.median(self.values)),
            "max": float(self.values.max()),
            "min": float(self.values.min()),
        }


def summarise(board: Board) -> list[Summary]:
    """Of every SSIM and PSNR on the board, score by score, generators in the order of the board."""
    keys = [key for name in METRICS for key in board.keys if key.partition("/")[0].partition(":")[0] == name]
    if not keys:
        raise ComparisonError(f"no run has {' or '.join(METRICS)}; score with --metric ssim --metric psnr")
    rows = [*board.rows, *board.anchors]
    return [Summary(row.generator, key, frames(row, key)) for key in keys for row in rows if key in row.result.scores]


def frames(row: Row, key: str) -> np.ndarray:
    """The value of every frame of a run by one score, clips in manifest order: float64 (frames,), none undefined."""
    values = frame_table(row.result, key)["value"].to_numpy()
    return values[~np.isnan(values)]
