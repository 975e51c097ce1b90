"""Runs with given scores, for the tests of boards."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from lsbench.run.folder import FORMAT, Run
from lsbench.run.result import Result, Score

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
    request = {
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
    folder.finish(Result(name, folder.path, request["protocol"], scores, clips, 3, failed), [])
    return folder.path


BETTER = {"psnr": "higher", "ssim": "higher", "fsim": "higher", "lmd": "lower"}
