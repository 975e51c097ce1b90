"""A sample sheet: what the networks saw and made of fixed held-out frames, as one picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from baselines.training.validation import Samples, to_levels
from lsbench.system.cache import write_atomically

COLUMNS = ("identity", "masked", "generated", "truth")
_HEADER = 14  # px
_SIDE = 96  # px that a face is shown at


def write_sheet(path: Path, samples: Samples, generated: np.ndarray, rows: int = 8) -> None:
    """A PNG of `rows` samples at equal distances: identity frame, masked target, generated, truth, side by side."""
    chosen = np.linspace(0, len(generated) - 1, min(rows, len(generated))).astype(np.int64)
    face = samples.batch.face[chosen]
    columns = [to_levels(face[:, :3]), to_levels(face[:, 3:]), generated[chosen], samples.truth[chosen]]
    zoom = max(1, _SIDE // generated.shape[1])
    picture = np.concatenate([np.concatenate(list(column)) for column in columns], axis=1)
    picture = picture.repeat(zoom, 0).repeat(zoom, 1)
    sheet = Image.new("RGB", (picture.shape[1], picture.shape[0] + _HEADER), "white")
    sheet.paste(Image.fromarray(picture), (0, _HEADER))
    draw = ImageDraw.Draw(sheet)
    for index, name in enumerate(COLUMNS):
        draw.text((index * sheet.width // len(COLUMNS) + 4, 1), name, fill="black")
    write_atomically(path, lambda file: sheet.save(file, "PNG"))
