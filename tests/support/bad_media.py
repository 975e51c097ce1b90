"""Videos, images, sounds and side-cars that are hostile or unlucky, each made in an instant."""

from __future__ import annotations

import io
import os
import socket
import struct
import wave
import zipfile
import zlib
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

RATE = 16000

# What holds pictures and sound, by the name of its file: container, codecs of both, options of the muxer.
CONTAINERS: Mapping[str, tuple[str, str, str, Mapping[str, str]]] = {
    "a.mp4": ("mp4", "libx264", "aac", {}),
    "start.mp4": ("mp4", "libx264", "aac", {"movflags": "+faststart"}),
    "parts.mp4": ("mp4", "libx264", "aac", {"movflags": "+frag_keyframe+empty_moov"}),
    "a.mov": ("mov", "mpeg4", "pcm_s16le", {}),
    "a.3gp": ("3gp", "mpeg4", "aac", {}),
    "a.mkv": ("matroska", "libx264", "aac", {}),
    "live.mkv": ("matroska", "mpeg4", "pcm_s16le", {"live": "1"}),
    "a.webm": ("webm", "libvpx", "libopus", {}),
    "a.avi": ("avi", "mpeg4", "mp2", {}),
    "pcm.avi": ("avi", "mpeg4", "pcm_s16le", {}),
    "a.mpg": ("mpeg", "mpeg1video", "mp2", {}),
    "dvd.mpg": ("vob", "mpeg2video", "mp2", {}),
    "a.ts": ("mpegts", "libx264", "aac", {}),
    "a.flv": ("flv", "flv1", "aac", {}),
    "a.wmv": ("asf", "wmv2", "wmav2", {}),
}
_RATES = {"mp2": 44100, "libopus": 48000, "wmav2": 44100, "aac": 44100}
_SAMPLES = {"libopus": 960, "wmav2": 2048}


def video(path: Path, name: str | None = None, frames: int = 25, size: int = 64) -> Path:
    """A clip of moving noise and a tone, 25 frames a second, as CONTAINERS has it for a name (else the path's own)."""
    form, pictures, sound, options = CONTAINERS[name or path.name]
    rate = _RATES.get(sound, RATE)
    picture = np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8)
    tone = (8000 * np.sin(2 * np.pi * 220 * np.arange(rate * frames // 25) / rate)).astype(np.int16)
    with av.open(str(path), "w", format=form, options=dict(options)) as container:
        film: Any = container.add_stream(pictures, rate=25)
        film.width, film.height, film.pix_fmt, film.bit_rate = size, size, "yuv420p", 300_000
        if pictures == "libx264":
            film.options = {"preset": "ultrafast", "g": "12"}
        heard: Any = container.add_stream(sound, rate=rate)
        heard.layout, heard.bit_rate = "mono", 64_000
        form_of = heard.codec_context.format.name
        samples = _SAMPLES.get(sound) or heard.codec_context.frame_size or {"aac": 1024, "mp2": 1152}.get(sound, 1024)
        resampler = av.AudioResampler(format=form_of, layout="mono", rate=rate, frame_size=samples)
        given = 0
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(np.roll(picture, 3 * number, 1), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(film.encode(frame.reformat(format="yuv420p")))
            block = av.AudioFrame.from_ndarray(tone[None, given : (number + 1) * rate // 25], "s16", "mono")
            block.sample_rate, block.pts, block.time_base = rate, given, Fraction(1, rate)
            given = (number + 1) * rate // 25
            for piece in resampler.resample(block):
                container.mux(heard.encode(piece))
        container.mux(film.encode())
        for piece in resampler.resample(None):
            container.mux(heard.encode(piece))
        container.mux(heard.encode())
    return path


def repeated(path: Path, size: int, times_s: list[float], form: str = "matroska") -> Path:
    """One black picture, H.264, shown anew at each of some times."""
    with av.open(str(path), "w", format=form) as container:
        stream: Any = container.add_stream("libx264", rate=1000)
        stream.width, stream.height, stream.pix_fmt = size, size, "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "51"}
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        black = av.VideoFrame(size, size, "yuv420p")
        for plane in black.planes:
            plane.update(bytes(plane.buffer_size))
        black.pts, black.time_base = 0, Fraction(1, 1000)
        packets: list[Any] = stream.encode(black) + stream.encode()
        (content,) = map(bytes, packets)
        for time_s in times_s:
            again = av.Packet(content)
            again.stream, again.time_base, again.is_keyframe = stream, Fraction(1, 1000), True
            again.pts = again.dts = round(1000 * time_s)
            container.mux(again)
    return path


def elsewhere(path: Path, target: str) -> Path:
    """A mov whose tracks lie in another file: FFmpeg takes them from there where it is allowed to (`enable_drefs`)."""
    content = video(path, "a.mov").read_bytes()
    start = content.index(b"moov") - 4
    name = target.encode()
    record = bytes(10) + bytes([3]) + b"vol".ljust(27, b"\0") + bytes(12) + bytes([len(name)]) + name.ljust(63, b"\0")
    record += bytes(36) + struct.pack(">hH", 2, len(name)) + name + bytes(len(name) % 2) + struct.pack(">hH", -1, 0)
    path.write_bytes(content[:start] + _pointing(content[start:], b"alis" + bytes(4) + record + bytes(40)))
    return path


def _pointing(content: bytes, reference: bytes) -> bytes:
    """Boxes of a mov whose references to data are replaced, and the lengths of those around them mended."""
    out, place = b"", 0
    while place < len(content):
        (length,) = struct.unpack(">I", content[place : place + 4])
        name, body = content[place + 4 : place + 8], content[place + 8 : place + length]
        if name in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
            body = _pointing(body, reference)
        elif name == b"dref":
            body = body[:8] + struct.pack(">I", 4 + len(reference)) + reference
        out += struct.pack(">I", 8 + len(body)) + name + body
        place += length
    return out


def png(path: Path, width: int, height: int) -> Path:
    """A black image of any size in a few bytes."""
    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)),
        (b"IDAT", data),
        (b"IEND", b""),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks))
    return path


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def gif(path: Path, width: int, height: int) -> Path:
    """One that announces a size."""
    picture = b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\0"
    path.write_bytes(b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6) + picture + b"\x3b")
    return path


def wav(path: Path, rate: int = RATE, channels: int = 1, announced: int | None = None, held: int = 8000) -> Path:
    """A sound of so many bytes that announces whatever it is told."""
    path.parent.mkdir(parents=True, exist_ok=True)
    size = held if announced is None else announced
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * channels * 2 & 0xFFFFFFFF, channels * 2 & 0xFFFF, 16)
    head = b"RIFF" + struct.pack("<I", size + 36 & 0xFFFFFFFF) + b"WAVEfmt " + struct.pack("<I", 16) + form
    noise = np.random.default_rng(0).integers(-9999, 9999, held // 2, np.int16).tobytes()
    path.write_bytes(head + b"data" + struct.pack("<I", size) + noise)
    return path


def tone(path: Path, seconds: float) -> Path:
    """A good wav."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        samples = 8000 * np.sin(2 * np.pi * 220 * np.arange(round(RATE * seconds)) / RATE)
        file.writeframes(samples.astype(np.int16).tobytes())
    return path


def track(path: Path, **changed: Any) -> Path:
    """A side-car with some of its arrays replaced by others."""
    with np.load(path) as held:
        content = dict(held) | changed
    np.savez(path, **content)
    return path


def lying_track(path: Path, shape: tuple[int, ...], bytes_held: int) -> Path:
    """A packed side-car whose landmarks announce a shape, and hold so many bytes of zeros."""
    with np.load(path) as held:
        content = dict(held)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in content.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, array)
            if name != "landmarks":
                archive.writestr(f"{name}.npy", buffer.getvalue())
        with archive.open("landmarks.npy", "w", force_zip64=True) as member:
            form = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(member, form)
            block = bytes(1 << 22)
            for start in range(0, bytes_held, len(block)):
                member.write(block[: bytes_held - start])
    return path


def pipe(path: Path) -> None:
    """A FIFO that nobody writes to."""
    os.mkfifo(path)


def device(path: Path) -> None:
    """A link to a file without end."""
    path.symlink_to("/dev/zero")


def unix_socket(path: Path) -> None:
    """A socket, whatever the length of its path."""
    here = os.open(path.parent, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(f"/proc/self/fd/{here}/{path.name}")
    finally:
        os.close(here)


NO_FILES: Mapping[str, tuple[Callable[[Path], None], str]] = {  # what is no file, and what is said of it
    "a pipe": (pipe, "a pipe, not a file"),
    "a socket": (unix_socket, "a socket, not a file"),
    "a device": (device, "a device, not a file"),
}
