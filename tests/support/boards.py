"""Runs with given scores, for the tests of boards."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lsbench.metrics._base import catalogue
from lsbench.metrics._base.stats import Stats
from lsbench.run.folder import FORMAT, TABLE, Run
from lsbench.run.result import Partial, Result, Score

PROTOCOL = {
    "name": "folder",
    "version": "1",
    "digest": "d" * 64,
    "fps": None,
    "frames": None,
    "sample_rate": 16000,
    "align": "strict",
    "clips": 3,
    "manifest_sha256": "m" * 64,
    "rank_by": "ssim/mouth",
}


def run(root: Path, name: str, values: dict[str, float], clips: int = 3, **changes: Any) -> Path:
    """A finished run with these values by key; changes go into run.json."""
    folder = Run(root / name)
    request: dict[str, Any] = {
        "format": FORMAT,
        "name": name,
        "protocol": PROTOCOL,
        "tracker": "t.1",
        "weights": {"face_landmarker": "abc"},
        "metrics": {key: f"{key}.1" for key in values},
        "versions": {"av": "18.1.0", "soxr": "1.0", "numpy": "2.0"},
    }
    request |= changes
    folder.open(request)
    scores = {
        key: Score(value, BETTER[key.partition("/")[0]], f"{key}.1", 75, "no face" if math.isnan(value) else None)
        for key, value in values.items()
    }
    failed = {f"s1/{i}": "broken" for i in range(3 - clips)}
    folder.finish(
        Result(name, folder.path, request["protocol"], scores, clips, 3, failed), {column: [] for column in TABLE}
    )
    return folder.path


BETTER = {"psnr": "higher", "ssim": "higher", "fsim": "higher", "lmd": "lower", "fid": "lower"}


def frame_run(root: Path, name: str, errors: Mapping[str, Sequence[float]], value: float = 30.0) -> Path:
    """A finished run whose clips are kept, with these squared errors of each frame under psnr/whole, one sample each.

    It has fid/mouth, which knows no frames, and an ssim/mouth of an old revision beside it.
    """
    signatures = {key: catalogue.metric(key).signature for key in ("psnr/whole", "fid/mouth")} | {"ssim/mouth": OLD}
    protocol = PROTOCOL | {"clips": len(errors)}
    folder = Run(run(root, name, {}, protocol=protocol, metrics=signatures))
    table: dict[str, list[Any]] = {column: [] for column in TABLE}
    for clip_id, squares in errors.items():
        frames = len(squares)
        stats = Stats(squared_error=np.array(squares), samples=np.ones(frames, np.int64))
        folder.write_partial(Partial(clip_id, "g" * 64, "r" * 64, frames, frames, 0, {"psnr/whole": stats}))
        for column, cell in zip(TABLE, (clip_id, "s1", "psnr", "whole", value, frames, 0.0), strict=True):
            table[column].append(cell)
    scores = {key: Score(value, "higher", signature, 0) for key, signature in signatures.items()}
    folder.finish(Result(name, folder.path, protocol, scores, len(errors), len(errors)), table)
    return folder.path


OLD = "ssim.0|old"
