"""Pictures on disk: single images, and folders of numbered frames that stand for a video."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from lsbench.errors import MediaError
from lsbench.media import limits
from lsbench.media.colours import TRANSPARENT
from lsbench.media.display import check_size
from lsbench.media.expected import ANY, Expected
from lsbench.media.film import Pictures, Reread
from lsbench.media.memory import Store
from lsbench.system import regular

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")
# What Pillow warns of is either refused here or read as it says.
warnings.filterwarnings("ignore", module=r"PIL\..*")

_NUMBER = re.compile(r"\d+$")
_MODES = ("1", "L", "RGB", "LA", "RGBA", "P", "PA")  # of Pillow
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
_EXIF_ORIENTATION = 0x0112


def has_suffix(name: str, suffixes: tuple[str, ...]) -> bool:
    """Whether a file of that name is of a kind, and not hidden."""
    return not name.startswith(".") and name.lower().endswith(suffixes)


def is_frame(name: str) -> bool:
    """Whether a file of that name is a numbered picture."""
    return has_suffix(name, IMAGE_SUFFIXES) and _NUMBER.search(Path(name).stem) is not None


def read_frames(folder: Path, where: str, expected: Expected = ANY) -> tuple[Pictures, tuple[str, ...]]:
    """The numbered frames of a folder, in order of their numbers, and notes on what was changed.

    They are upright (EXIF), 8-bit and opaque: 16 bits are rounded to 8, and what is partly transparent is shown over
    black.

    Args:
        folder: with PNG or JPG images of one size, each number once.
        where: the start of every error message.
        expected: what the video must be like.

    Raises:
        MediaError: where a number is missing or twice, or an image cannot be decoded or has another size.
    """
    paths = _frame_series(folder, where)
    store: Store | None = None
    size = 0, 0
    notes: dict[str, None] = {}
    for path in paths:
        picture, note = _read_image(path, where)
        if store is None:
            size = picture.shape[:2]
            store = Store(*size, len(paths))
        elif picture.shape[:2] != size:
            now, first = (f"{width}x{height}" for height, width in (picture.shape[:2], size))
            raise MediaError(f"{where}: {path.name} is {now} after frames of {first}; expected one size")
        place = store.place()
        if place is None:
            expected.demand_size(size, where)
        else:
            place[:] = picture
        if note:
            notes[note] = None
    held = store.held if store is not None else None
    return Reread(where, *size, len(paths), held, lambda: (_read_image(path, where)[0] for path in paths)), tuple(notes)


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


def _read_image(path: Path, where: str) -> tuple[np.ndarray, str]:
    """An image as it is seen: uint8 (H, W, 3) RGB, and a note on what was changed."""
    where = f"{where}: {path.name}"
    with opened_image(path, where) as image:
        stored = [str(tile[-1]) for tile in getattr(image, "tile", [])]
        deep = image.mode == "I" or any("16" in mode for mode in (image.mode, *stored))
        if not deep and image.mode not in _MODES:
            raise MediaError(f"{where} is a {image.mode} image; expected RGB or grey. Convert it.")
        way_up = image.getexif().get(_EXIF_ORIENTATION, 1)
        if deep:
            image = Image.fromarray(_rounded(path, where))
            image.getexif()[_EXIF_ORIENTATION] = way_up
        picture, note = opaque(ImageOps.exif_transpose(image) if way_up != 1 else image)
    turned = "" if way_up == 1 else "turned upright, as the EXIF of its images says"
    return picture, note or turned or ("its images have 16 bits, read at 8" if deep else "")


def _rounded(path: Path, where: str) -> np.ndarray:
    """An image of 16 bits at the nearest 8: uint8 (H, W), (H, W, 3) or (H, W, 4). Pillow would cut colours off."""
    with regular.opened(path) as file:
        samples = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    if samples is None or samples.dtype != np.uint16:
        raise MediaError(f"{where} is an image of an unusual kind; expected 8 or 16 bits of RGB or grey. Convert it.")
    levels: np.ndarray = np.empty(samples.shape, np.uint8)
    for row, level in zip(samples, levels, strict=True):  # one after another, for the memory that it takes
        level[:] = (row.astype(np.uint32) * 255 + 32767) // 65535
    return levels if levels.ndim == 2 else np.ascontiguousarray(levels[..., [2, 1, 0, 3][: levels.shape[2]]])


@contextmanager
def opened_image(path: Path, where: str) -> Iterator[Image.Image]:
    """An image file, opened with Pillow; MediaError for what goes wrong inside the block too, and for over 8K."""
    try:
        with regular.opened(path) as file, Image.open(file, formats=_FORMATS) as image:
            check_size(image.height, image.width, where)
            yield image
    except MediaError:
        raise
    except UnidentifiedImageError:
        raise MediaError(f"{where} cannot be decoded: it is no {', '.join(_FORMATS)}; expected an image") from None
    except OSError as error:
        if error.filename is None:  # of Pillow's readers
            raise _undecodable(where, error) from None
        raise MediaError(f"{where} cannot be read: {error.strerror}") from None
    except Image.DecompressionBombError:
        raise MediaError(f"{where} is far too large; {limits.AT_MOST_8K}") from None
    except MemoryError:
        raise MediaError(f"{where} does not fit in memory") from None
    except Exception as error:  # Pillow's readers raise errors of any kind at damaged files
        raise _undecodable(where, error) from None


def _undecodable(where: str, error: Exception) -> MediaError:
    return MediaError(f"{where} cannot be decoded: {error}; expected an image, whole")


def opaque(image: Image.Image) -> tuple[np.ndarray, str]:
    """An image over black: uint8 (H, W, 3) RGB, and a note where it is partly transparent."""
    if "A" not in image.mode and "transparency" not in image.info:
        return np.asarray(image.convert("RGB")), ""
    pixels = np.asarray(image.convert("RGBA"))
    if int(pixels[..., 3].min()) == 255:
        return np.ascontiguousarray(pixels[..., :3]), ""
    shown = np.empty((*pixels.shape[:2], 3), np.uint8)
    for row, over in zip(pixels, shown, strict=True):  # one after another, for the memory that it takes
        over[:] = (row[:, :3] * row[:, 3:].astype(np.uint16) + 127) // 255
    return shown, TRANSPARENT
