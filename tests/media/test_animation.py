"""Videos in one image file: GIF, animated WebP and animated PNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lsbench.errors import MediaError
from lsbench.media.files import find_clips, read_film

SUFFIXES = ["gif", "webp", "png", "apng"]


def levels(count: int = 12) -> np.ndarray:
    """Flat pictures of grey: uint8 (count, 32, 40, 3)."""
    return np.broadcast_to(np.arange(20, 20 + 15 * count, 15, dtype=np.uint8)[:, None, None, None], (count, 32, 40, 3))


def saved(path: Path, frames: np.ndarray, duration: int | list[int] = 40, **options: object) -> Path:
    first, *others = [Image.fromarray(np.ascontiguousarray(picture)) for picture in frames]
    kind = "PNG" if path.suffix == ".apng" else None
    lossless = {"lossless": True} if path.suffix == ".webp" else {}
    first.save(path, kind, save_all=True, append_images=others, duration=duration, **lossless, **options)
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_pictures_and_rate(tmp_path: Path, suffix: str) -> None:
    film = read_film(saved(tmp_path / f"a.{suffix}", levels()), "a", sound="optional")
    assert film.fps == 25 and film.notes == () and not film.variable
    assert np.array_equal(film.clip().frames, levels()) and film.speech.shape == (0,)
    with pytest.raises(MediaError, match="no sound; expected speech"):
        read_film(tmp_path / f"a.{suffix}", "a")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_pictures_of_unequal_length(tmp_path: Path, suffix: str) -> None:
    lengths = [40, 40, 120, 40, 40, 40, 80, 40, 40, 40, 40, 200]
    film = read_film(saved(tmp_path / f"a.{suffix}", levels(), lengths), "a", sound="optional")
    expected = [index for index, length in enumerate(lengths) for _ in range(length // 40)]
    assert film.fps == 25 and film.shown.tolist() == expected
    assert film.notes == (
        "variable frame rate: 12 pictures, 40 to 120 ms apart, read at 25 frames a second (3 repeated)",
        "its last picture stays for 0.20 s: 4 frames repeat it",
    )


def test_a_gif_without_delays_plays_as_in_browsers(tmp_path: Path) -> None:
    film = read_film(saved(tmp_path / "a.gif", levels(), 0), "a", sound="optional")
    assert film.fps == 10 and len(film) == 12


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_transparent_is_black(tmp_path: Path, suffix: str) -> None:
    frames = np.full((4, 32, 40, 4), 255, np.uint8)
    frames[..., :3] = levels(4)
    frames[:, :8, :, 3] = 0
    film = read_film(saved(tmp_path / f"a.{suffix}", frames, disposal=2), "a", sound="optional")
    shown = film.clip().frames
    assert len(shown) == 4 and not shown[:, :8].any() and np.abs(shown[:, 8:].astype(int) - levels(4)[:, 8:]).max() <= 1
    assert film.notes == ("partly transparent, shown over black",)


def test_what_a_picture_leaves_open_is_what_was_there_before(tmp_path: Path) -> None:
    """Encoders store only what changes; the rest is transparent and the picture before shows through."""
    frames = np.repeat(np.array(levels(1)), 6, axis=0)
    for index in range(6):
        frames[index, 4 * index : 4 * index + 4] = 250
    film = read_film(saved(tmp_path / "a.gif", frames, disposal=1), "a", sound="optional")
    assert np.array_equal(film.clip().frames, frames)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_is_cut(tmp_path: Path, suffix: str) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (8, 32, 40, 3), dtype=np.uint8)
    path = saved(tmp_path / f"a.{suffix}", frames)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(MediaError, match=r"clip a: .*cannot be decoded"):
        read_film(path, "a", sound="optional")


def test_damage_of_every_kind_is_a_named_error(tmp_path: Path) -> None:
    """Pillow's readers raise errors of many kinds, and let pictures grow on the way."""
    generator = np.random.default_rng(0)
    for suffix in SUFFIXES:
        path = saved(tmp_path / f"a.{suffix}", generator.integers(0, 256, (5, 16, 20, 3), dtype=np.uint8))
        whole = path.read_bytes()
        for _ in range(60):
            data = bytearray(whole)
            data[int(generator.integers(len(data)))] = int(generator.integers(256))
            path.write_bytes(data[: int(generator.integers(20, len(data)))])
            try:
                film = read_film(path, "a", sound="optional")
            except MediaError as error:
                assert str(error).startswith(f"clip a: {path}: ") and "\n" not in str(error)
            else:
                assert 0 < len(film) <= 5000


def test_only_images_that_move_are_clips(tmp_path: Path) -> None:
    for suffix in SUFFIXES:
        saved(tmp_path / f"moving_{suffix}1.{suffix}", levels(3))
        saved(tmp_path / f"still_{suffix}.{suffix}", levels(1))
    saved(tmp_path / "take2.png", levels(1))
    (tmp_path / "notes.png").write_text("no image")
    (tmp_path / "broken.gif").write_bytes(b"GIF89a")
    folder = tmp_path / "frames"
    folder.mkdir()
    for index, picture in enumerate(levels(3)):
        Image.fromarray(np.ascontiguousarray(picture)).save(folder / f"{index}.png")
    saved(folder / "preview.gif", levels(3))
    found = find_clips(tmp_path)
    assert list(found) == ["broken", "frames", *(f"moving_{suffix}1" for suffix in sorted(SUFFIXES))]
