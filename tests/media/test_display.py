"""What a player shows of a decoded frame: colours of every pixel format, mirrors and turns, square pixels, sizes."""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import exact
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter

from lsbench.errors import MediaError
from lsbench.media import limits
from lsbench.media.colours import Converter
from lsbench.media.files import read_film, write_clip

rng = np.random.default_rng(0)
PLANAR = [
    *("yuv420p", "yuv422p", "yuv444p", "yuv440p", "yuvj420p", "yuvj444p", "gray"),
    *("yuv420p10le", "yuv422p10le", "yuv444p10le", "yuv420p12le", "yuv444p12le", "yuv444p14le", "yuv444p16le"),
    *("gray10le", "gray12le", "gray16le"),
]


def planar(name: str, height: int = 34, width: int = 70, flat: int | None = None) -> av.VideoFrame:
    """A frame of noise over all numbers, or of one number of luma without chroma."""
    frame = av.VideoFrame(width, height, name)
    bits = frame.format.components[0].bits
    for index, plane in enumerate(frame.planes):
        size = plane.height, plane.line_size // (1 if bits == 8 else 2)
        numbers = rng.integers(0, 1 << bits, size)
        if flat is not None:
            numbers = np.full(size, flat if index == 0 else 1 << (bits - 1))
        plane.update(numbers.astype(np.uint8 if bits == 8 else np.uint16).tobytes())
    return frame


def converted(frame: av.VideoFrame) -> np.ndarray:
    out = np.zeros((frame.height, frame.width, 3), np.uint8)
    Converter(frame).convert(frame, out)
    return out


def expected(frame: av.VideoFrame, matrix: str, full: bool) -> np.ndarray:
    if len(frame.planes) > 1:
        return exact.picture(frame, matrix, full)
    (y,) = exact.planes(frame)
    bits = frame.format.components[0].bits
    return exact.rgb(y, *(np.full(y.shape, 1 << (bits - 1)),) * 2, bits, matrix, full)


@pytest.mark.parametrize("size", [(34, 70), (33, 71)])
@pytest.mark.parametrize("name", PLANAR)
@pytest.mark.parametrize("number, matrix", [(1, "bt709"), (2, "bt601"), (5, "bt601"), (6, "bt601"), (9, "bt2020")])
@pytest.mark.parametrize("range", [1, 2])
def test_planes_are_converted_as_their_tags_say(
    name: str, number: int, matrix: str, range: int, size: tuple[int, int]
) -> None:
    frame = planar(name, *size)
    frame.colorspace, frame.color_range = number, range
    error = converted(frame) - expected(frame, matrix, range == 2 or name.startswith("yuvj"))
    assert np.abs(error).max() < 0.6 and abs(error.mean()) < 0.06  # to the nearest level, neither darker nor lighter


@pytest.mark.parametrize("name", ["yuv420p", "yuv444p", "gray", "yuv420p10le", "yuv444p12le", "gray10le"])
def test_every_level_of_grey(name: str) -> None:
    """Case 11: 10-bit grey 128 read 126."""
    bits = av.VideoFormat(name).components[0].bits
    for level in range(256):
        full = name.startswith("gray")
        unit = 1 << (bits - 8)
        number = round(level / 255 * ((256 * unit - 1) if full else 219 * unit)) + (0 if full else 16 * unit)
        picture = converted(planar(name, 4, 6, number))
        assert np.abs(picture.astype(int) - level).max() <= (1 if bits == 8 else 0)


@pytest.mark.parametrize(
    "other, name",
    [
        *(("nv12", "yuv420p"), ("nv21", "yuv420p"), ("yuyv422", "yuv422p"), ("uyvy422", "yuv422p")),
        *(("nv16", "yuv422p"), ("nv24", "yuv444p"), ("p010le", "yuv420p10le"), ("p016le", "yuv420p16le")),
        *(("yuv420p10be", "yuv420p10le"), ("y210le", "yuv422p10le"), ("gray16be", "gray16le")),
    ],
)
def test_formats_that_only_order_the_samples_otherwise(other: str, name: str) -> None:
    frame = planar(name)
    again = VideoReformatter().reformat(frame, format=other)
    assert again.format.name == other and np.array_equal(converted(again), converted(frame))


@pytest.mark.parametrize("name", ["rgb24", "bgr24", "rgba", "bgra", "argb", "gbrp", "gbrap", "bgr0"])
def test_rgb_is_left_as_it_is(name: str) -> None:
    picture = rng.integers(0, 256, (34, 70, 3), dtype=np.uint8)
    frame = VideoReformatter().reformat(av.VideoFrame.from_ndarray(picture, format="rgb24"), format=name)
    assert np.array_equal(converted(frame), picture)


def test_deep_rgb_is_rounded() -> None:
    samples = rng.integers(0, 65536, (34, 70, 3)).astype(np.uint16)
    frame = av.VideoFrame.from_ndarray(samples, format="rgb48le")
    assert np.array_equal(converted(frame), np.rint(samples / 257))
    frame = planar("gbrp10le")
    green, blue, red = exact.planes(frame)
    assert np.array_equal(converted(frame), np.rint(np.stack([red, green, blue], axis=-1) * (255 / 1023)))


def test_palettes() -> None:
    indices = rng.integers(0, 256, (34, 70), dtype=np.uint8)
    palette = rng.integers(0, 256, (256, 4), dtype=np.uint8)
    palette[:, 0] = 255  # alpha, red, green, blue
    frame = av.VideoFrame.from_ndarray((indices, palette), format="pal8")  # type: ignore[arg-type]
    assert np.array_equal(converted(frame), palette[indices][..., 1:])


@pytest.mark.parametrize("name", ["rgba", "bgra", "yuva420p", "yuva444p10le", "gbrap"])
def test_what_is_transparent_is_shown_over_black(name: str) -> None:
    pixels = rng.integers(0, 256, (34, 70, 4), dtype=np.uint8)
    frame = av.VideoFrame.from_ndarray(pixels, format="rgba")
    frame = VideoReformatter().reformat(frame, format=name)
    opaque, alpha = pixels[..., :3].astype(float), pixels[..., 3:] / 255
    if name.startswith("yuv"):
        opaque, most = exact.picture(frame), (1 << frame.format.components[0].bits) - 1
        alpha = exact.planes(frame)[3][..., None] / most
    out, converter = np.zeros((34, 70, 3), np.uint8), Converter(frame)
    converter.convert(frame, out)
    assert np.abs(out - opaque * alpha).max() <= 1.1
    assert converter.notes == ["partly transparent, shown over black"]


@pytest.mark.parametrize("size, matrix", [((576, 720), "bt601"), ((720, 1280), "bt709"), ((854, 480), "bt709")])
def test_pictures_that_name_no_matrix_are_read_as_players_read_them(size: tuple[int, int], matrix: str) -> None:
    frame = planar("yuv420p", *size)
    converter, out = Converter(frame), np.zeros((*size, 3), np.uint8)
    converter.convert(frame, out)
    assert np.abs(out - exact.picture(frame, matrix)).max() <= 1
    assert (converter.notes == []) == (matrix == "bt601")


@pytest.mark.parametrize("size", [(48, 64), (720, 1280)])
def test_what_is_written_is_read_in_its_own_colours(tmp_path: Path, size: tuple[int, int]) -> None:
    frames = np.broadcast_to(np.array([180, 60, 90], np.uint8), (2, *size, 3))
    write_clip(tmp_path / "a.mp4", frames, np.zeros(0, np.float32), 25)
    film = read_film(tmp_path / "a.mp4", "a", sound="optional")
    assert np.abs(film.clip().frames.astype(int) - frames).max() <= 2 and film.notes == ()


# Turns and mirrors


def corner(height: int = 48, width: int = 64) -> np.ndarray:
    """A picture that looks different in each of the eight orientations."""
    picture = np.full((height, width, 3), 60, np.uint8)
    picture[: height // 2, : width // 2] = 200
    picture[: height // 4, : width // 2] = 120
    return picture


def encoded(path: Path, picture: np.ndarray, count: int = 3, codec: str = "libx264", **fields: Any) -> Path:
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=25)
        video.height, video.width = picture.shape[:2]
        video.pix_fmt = "yuv444p"
        for name, value in fields.items():
            setattr(video.codec_context, name, value)
        for index in range(count):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode())
    return path


def with_matrix(path: Path, a: float, b: float, c: float, d: float) -> Path:
    """Put another display matrix into the track header of an mp4."""
    data = bytearray(path.read_bytes())
    at = data.index(struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30), data.index(b"tkhd"))
    numbers = [round(value * 65536) for value in (a, b, c, d)]
    data[at : at + 36] = struct.pack(">9i", *numbers[:2], 0, *numbers[2:], 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "matrix, shown",
    [
        ((1, 0, 0, 1), lambda picture: picture),
        ((0, 1, -1, 0), lambda picture: np.rot90(picture, -1)),
        ((-1, 0, 0, -1), lambda picture: np.rot90(picture, 2)),
        ((0, -1, 1, 0), lambda picture: np.rot90(picture, 1)),
        ((-1, 0, 0, 1), lambda picture: picture[:, ::-1]),
        ((1, 0, 0, -1), lambda picture: picture[::-1]),
        ((0, 1, 1, 0), lambda picture: picture.transpose(1, 0, 2)),
        ((0, -1, -1, 0), lambda picture: picture[::-1, ::-1].transpose(1, 0, 2)),
    ],
)
def test_display_matrices_turn_and_mirror(tmp_path: Path, matrix: tuple[int, ...], shown: Any) -> None:
    """Case 2. A point (x, y) goes to (a x + c y, b x + d y), y downwards: ISO 14496-12, 6.2.2."""
    path = with_matrix(encoded(tmp_path / "a.mp4", corner()), *matrix)
    film = read_film(path, "a", sound="optional")
    expected = shown(corner())
    assert film.size == expected.shape[:2]
    assert len(film.notes) == (matrix != (1, 0, 0, 1))
    assert all(note.endswith("as its display matrix asks") for note in film.notes)
    assert np.abs(film.clip().frames.astype(int) - expected).mean() < 3


def test_a_slanted_matrix_is_read_at_the_nearest_turn(tmp_path: Path) -> None:
    cosine, sine = np.cos(np.radians(80)), np.sin(np.radians(80))
    path = with_matrix(encoded(tmp_path / "a.mp4", corner()), cosine, sine, -sine, cosine)
    film = read_film(path, "a", sound="optional")
    assert np.abs(film.clip().frames.astype(int) - np.rot90(corner(), -1)).mean() < 3
    assert film.notes == ("turned by -80 degrees, read at the nearest turn of 90",)


# Square pixels


@pytest.mark.parametrize(
    "aspect, size",
    [
        (Fraction(16, 11), (48, 93)),
        (Fraction(11, 16), (70, 64)),
        (Fraction(15, 16), (51, 64)),
        (Fraction(1), (48, 64)),
        (Fraction(1000, 1001), (48, 64)),
        (Fraction(10), (48, 64)),
    ],
)
def test_pixels_are_made_square(tmp_path: Path, aspect: Fraction, size: tuple[int, int]) -> None:
    film = read_film(encoded(tmp_path / "a.mp4", corner(), sample_aspect_ratio=aspect), "a", sound="optional")
    assert film.size == size
    frame = film.clip().frames[0].astype(int)
    for row, column, level in ((0.1, 0.25, 120), (0.4, 0.25, 200), (0.8, 0.8, 60), (0.1, 0.8, 60)):
        assert np.abs(frame[int(row * size[0]), int(column * size[1])] - level).max() <= 2
    said = f"{aspect.numerator}:{aspect.denominator}"
    if size != (48, 64):
        assert film.notes == (f"pixels of {said} made square: 64x48 is read as {size[1]}x{size[0]}",)
    else:
        assert film.notes == (() if aspect < 2 else (f"its pixels are said to be {said}; read as square",))


def test_pixels_are_made_square_before_the_picture_is_turned(tmp_path: Path) -> None:
    path = encoded(tmp_path / "a.mp4", corner(), sample_aspect_ratio=Fraction(2))
    film = read_film(with_matrix(path, 0, 1, -1, 0), "a", sound="optional")
    assert film.size == (128, 48)


# Sizes


def test_pictures_over_8k_are_refused_before_they_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = encoded(tmp_path / "a.mp4", corner())
    monkeypatch.setattr(limits, "MOST_PIXELS", 48 * 64)
    assert read_film(path, "a", sound="optional").size == (48, 64)
    monkeypatch.setattr(limits, "MOST_PIXELS", 48 * 64 - 1)
    with pytest.raises(MediaError, match=r"clip a: .*pictures of 64x48 px; expected at most .* Scale it down"):
        read_film(path, "a", sound="optional")


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("side", [6000, 12000, 40000])
def test_an_image_that_announces_an_absurd_size(tmp_path: Path, side: int) -> None:
    (tmp_path / "a").mkdir()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    (tmp_path / "a" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + data)
    with pytest.raises(MediaError, match=r"1\.png.*expected at most 33 million pixels \(8K\)"):
        read_film(tmp_path / "a", "a")
