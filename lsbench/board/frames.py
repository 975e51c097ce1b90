"""The value of every frame of every run on a board: as one file, and in the figures of the paper's own tables."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from lsbench.board.board import Board
from lsbench.errors import ComparisonError, LsbenchError
from lsbench.metrics._base.score_key import ScoreKey
from lsbench.run.folder import Run
from lsbench.run.frames import frame_metrics, frame_values, metrics_with_frames
from lsbench.system.cache import write_atomically
from lsbench.system.outputs import demand_file
from lsbench.system.strict_json import encode
from lsbench.system.visible import in_cell

METRICS = ("ssim", "psnr")  # that the paper gives figures of
COLUMNS = ("generator", "clip", "frame", "key", "value")
SUFFIXES = (".csv", ".parquet")
BLOCK_ROWS = 1_000_000  # of a Parquet file that are held at once


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
    """Of every SSIM and PSNR on the board, score by score, generators in the order of the board, anchors last."""
    keys = [key for name in METRICS for key in board.keys if ScoreKey.parse(key).metric == name]
    if not keys:
        raise ComparisonError(f"no run has {' or '.join(METRICS)}; score with --metric ssim --metric psnr")
    rows = [*board.rows, *board.anchors]
    values: dict[tuple[str, str], np.ndarray] = {}
    for row in rows:
        measured = [key for key in keys if key in row.result.scores]
        clips = [by_key for _, by_key in frame_values(row.result, metrics_with_frames(row.result, measured))]
        for key in measured:
            joined = np.concatenate([np.zeros(0), *(by_key[key] for by_key in clips)])
            values[key, row.generator] = joined[~np.isnan(joined)]
    return [
        Summary(row.generator, key, values[key, row.generator])
        for key in keys
        for row in rows
        if (key, row.generator) in values
    ]


def write_frames(board: Board, path: Path) -> list[str]:
    """Write the value of every frame of every run on the board, of its anchors too, by every score that has one.

    Args:
        board: Its runs must lie where they were read.
        path: A file that ends with .csv or .parquet; columns generator, clip, frame (from 0), key and value (NaN, or
            empty in CSV, where it is undefined).

    Returns:
        Which scores are left out, and why, a line each.

    Raises:
        OutputError: A file that is no such table stands there (a run's clips.parquet, say), or it would lie in a run.
        ComparisonError: The path has another ending, or no run has values of frames.
        RunError: A finished clip is not in its run's folder any more.
        LsbenchError: The file cannot be written.
    """
    write = {".csv": _write_csv, ".parquet": _write_parquet}.get(path.suffix.lower())
    if write is None:
        raise ComparisonError(f"{path}: per-frame values are written as {' or '.join(SUFFIXES)}; name such a file")
    runs = [Run.of(row.result).path for row in (*board.rows, *board.anchors)]
    demand_file(path, "lsbench leaderboard --frames", _is_table, runs, "--frames")
    metrics = {row.generator: frame_metrics(row.result) for row in (*board.rows, *board.anchors)}
    if not any(measured for measured, _ in metrics.values()):
        raise ComparisonError("no run has a score with a value for each frame, such as psnr, ssim, lmd or flicker")
    blocks = (
        (row.generator, clip, key, values)
        for row in (*board.rows, *board.anchors)
        if metrics[row.generator][0]
        for clip, by_key in frame_values(row.result, metrics[row.generator][0])
        for key, values in by_key.items()
    )
    try:
        write_atomically(path, lambda file: write(file, blocks))
    except OSError as error:
        raise LsbenchError(f"{path}: cannot be written ({error})") from error
    return [
        f"{generator}: no frames of {key}: {reason}"
        for generator, (_, refusals) in metrics.items()
        for key, reason in refusals.items()
    ]


def _is_table(path: Path) -> bool:
    return _columns_of(path) == list(COLUMNS)


def _columns_of(path: Path) -> list[str]:
    """The columns of a CSV or Parquet file; none where it is neither."""
    from pyarrow import ArrowException, parquet

    try:
        if path.suffix.lower() == ".parquet":
            return list(parquet.read_schema(path).names)
        with path.open(encoding="utf-8", newline="") as file:
            return next(csv.reader(file), [])
    except (OSError, ValueError, csv.Error, ArrowException):
        return []


Block = tuple[str, str, str, np.ndarray]  # generator, clip, key, float64 (T,)


def _write_csv(file: BinaryIO, blocks: Iterator[Block]) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for generator, clip, key, values in blocks:
        named, of_clip, by = map(in_cell, (generator, clip, key))
        writer.writerows((named, of_clip, frame, by, encode(value)) for frame, value in enumerate(values.tolist()))
    text.detach()  # flushed, and left open


def _write_parquet(file: BinaryIO, blocks: Iterator[Block]) -> None:
    import pyarrow
    from pyarrow import parquet

    texts = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
    kinds = (texts, texts, pyarrow.int32(), texts, pyarrow.float64())
    schema = pyarrow.schema(list(zip(COLUMNS, kinds, strict=True)))
    with parquet.ParquetWriter(file, schema) as writer:
        for group in _grouped(blocks):
            counts = [len(values) for *_, values in group]
            columns: list[Any] = [
                np.repeat(np.array([block[part] for block in group], object), counts) for part in range(3)
            ]
            frames = np.concatenate([np.arange(count, dtype=np.int32) for count in counts])
            generator, clip, key = columns
            cells = (generator, clip, frames, key, np.concatenate([values for *_, values in group]))
            arrays = [pyarrow.array(cell).cast(kind) for cell, kind in zip(cells, kinds, strict=True)]
            writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))


def _grouped(blocks: Iterator[Block]) -> Iterator[list[Block]]:
    """Blocks together, of about BLOCK_ROWS frames."""
    group: list[Block] = []
    rows = 0
    for block in blocks:
        group.append(block)
        rows += len(block[-1])
        if rows >= BLOCK_ROWS:
            yield group
            group, rows = [], 0
    if group:
        yield group
