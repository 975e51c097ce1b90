"""Pictures on disk: single images, and folders of numbered frames that stand for a video."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from lsbench.errors import MediaError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")
_NUMBER = re.compile(r"\d+$")


def has_suffix(name: str, suffixes: tuple[str, ...]) -> bool:
    """Whether a file of that name is of a kind, and not hidden."""
    return not name.startswith(".") and name.lower().endswith(suffixes)


def is_frame(name: str) -> bool:
    """Whether a file of that name is a numbered picture."""
    return has_suffix(name, IMAGE_SUFFIXES) and _NUMBER.search(Path(name).stem) is not None


def read_frames(folder: Path, where: str) -> np.ndarray:
    """The numbered frames of a folder, in order of their numbers: uint8 (T, H, W, 3)."""
    series = _frame_series(folder, where)
    frames = np.empty(0, np.uint8)
    for index, path in enumerate(series):
        picture = _read_image(path, where)
        if index == 0:
            frames = np.empty((len(series), *picture.shape), np.uint8)
        elif picture.shape != frames.shape[1:]:
            size, first = (f"{shape[1]}x{shape[0]}" for shape in (picture.shape, frames.shape[1:]))
            raise MediaError(f"{where}: {path.name} is {size} after frames of {first}; expected one size")
        frames[index] = picture
    return frames


def _frame_series(folder: Path, where: str) -> list[Path]:
    try:
        paths = [child for child in folder.iterdir() if is_frame(child.name)]
    except OSError as error:
        raise MediaError(f"{where}: cannot be read: {error.strerror}") from None
    if not paths:
        raise MediaError(f"{where}: no numbered PNG or JPG frame in the folder; expected 0001.png, 0002.png ...")
    numbered = sorted((int(_NUMBER.findall(path.stem)[0]), path) for path in paths)
    for (number, path), (next_number, next_path) in pairwise(numbered):
        if _NUMBER.sub("", path.stem) != _NUMBER.sub("", next_path.stem) or number == next_number:
            raise MediaError(f"{where}: both {path.name} and {next_path.name}; expected one series, each number once")
        if next_number > number + 1:
            raise MediaError(
                f"{where}: frame {number + 1} is missing, {path.name} is followed by {next_path.name}; "
                f"expected every number ({len(numbered)} frames found). Render it again."
            )
    return [path for _, path in numbered]


def _read_image(path: Path, where: str) -> np.ndarray:
    """An 8-bit RGB or grey image as RGB: uint8 (H, W, 3)."""
    try:
        with Image.open(path) as file:
            image: Image.Image = file
            deep = image.mode.startswith("I") or any("16" in str(tile[-1]) for tile in file.tile)
            if deep or image.mode not in ("L", "RGB", "LA", "RGBA", "P", "PA"):
                kind = "16-bit" if deep else image.mode
                raise MediaError(f"{where}: {path.name} is a {kind} image; expected 8-bit RGB or grey. Convert it.")
            if "A" in image.mode or "transparency" in image.info:
                image = image.convert("RGBA")
                if np.asarray(image)[..., 3].min() < 255:
                    raise MediaError(f"{where}: {path.name} is partly transparent; expected opaque RGB or grey")
            return np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError) as error:
        raise MediaError(f"{where}: {path.name} cannot be decoded: {error}; expected a PNG or JPG image") from None
