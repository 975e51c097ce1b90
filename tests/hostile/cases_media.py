"""Videos, images, sounds and side-cars: what grows, what is no file, what points elsewhere, what was cut."""

from __future__ import annotations

import io
import os
import shutil
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import bad_media
import numpy as np
from hostile import Case, Stock

CLIP = "t1/a0"
SCORE = ["--metric", "psnr", "--region", "whole", "--workers", "1", "--no-anchors", "--out", "runs"]
MOUTH = ["--metric", "psnr", "--region", "mouth", "--workers", "1", "--no-anchors", "--out", "runs"]
MODEL = ["--weights", "face_landmarker=model.task"]  # nobody gets as far as looking for a face
Make = Callable[[Path], object]

# Small files that grow, and others that are no videos: the end of their names, how they are made, and what is said.
VIDEOS: dict[str, tuple[str, Make, str]] = {
    "60 pictures of 8192x8192 in mkv": (
        ".mkv",
        lambda path: bad_media.repeated(path, 8192, [n / 25 for n in range(60)]),
        "8K",
    ),
    "60 pictures of 8192x8192 in ts": (
        ".ts",
        lambda path: bad_media.repeated(path, 8192, [n / 25 for n in range(60)], "mpegts"),
        "8K",
    ),
    "pictures of 2048x2048 beside 96x96": (
        ".mkv",
        lambda path: bad_media.repeated(path, 2048, [n / 25 for n in range(300)]),
        "the reference's are 96x96",
    ),
    "1000 pictures a second with holes": (
        ".mkv",
        lambda path: bad_media.repeated(path, 64, [2.3 * (n // 12) + n % 12 / 1000 for n in range(324)]),
        "1000 frames a second; expected at most 240",
    ),
    "pictures for two hours": (
        ".mkv",
        lambda path: bad_media.repeated(path, 96, [5.0 * n for n in range(1500)]),
        "s of pictures, the reference's last 0.32",
    ),
    "a GIF of 65000x65000": (".gif", lambda path: bad_media.gif(path, 65000, 65000), "8K"),
    "a GIF of 9000x9000": (".gif", lambda path: bad_media.gif(path, 9000, 9000), "8K"),
    "PNGs of 40000x40000": ("", lambda path: bad_media.png(path / "0001.png", 40000, 40000), "8K"),
    "PNGs of 13000x13000": (
        "",
        lambda path: [bad_media.png(path / f"{n:04}.png", 13000, 13000) for n in range(1, 3)],
        "8K",
    ),
    "ffconcat": (".mp4", lambda path: _text(path, "ffconcat version 1.0\nfile 'good.mp4'\n"), "ffconcat"),
    "a list of files": (".mp4", lambda path: _text(path, "file 'good.mp4'\n"), "not a video file"),
    "m3u8": (".mp4", lambda path: _text(path, "#EXTM3U\n#EXTINF:10,\ngood.mp4\n#EXT-X-ENDLIST\n"), "m3u8"),
    "DASH": (".mp4", lambda path: _text(path, "<?xml version='1.0'?><MPD></MPD>"), "not a video file"),
    "SDP": (".mp4", lambda path: _text(path, "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n"), "SDP"),
    "an SVG": (".mp4", lambda path: _text(path, "<svg xmlns='http://www.w3.org/2000/svg'/>"), "not a video file"),
    "a mov whose tracks lie elsewhere": (
        ".mov",
        lambda path: (bad_media.video(path.with_name("held.dat"), "a.mov"), bad_media.elsewhere(path, "held.dat")),
        "no frame can be decoded",
    ),
    "an EPS named .gif": (
        ".gif",
        lambda path: _text(path, "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
        "no PNG",
    ),
}
VIDEOS |= {
    f"{what} as a video": (".mp4", make, "a device or pipe")
    for what, (make, _) in bad_media.NO_FILES.items()
    if what != "a socket"
}
VIDEOS |= {
    f"{what} as a frame": ("", lambda path, make=make: (path.mkdir(), make(path / "0001.png")), said)  # type: ignore[misc]
    for what, (make, said) in bad_media.NO_FILES.items()
}


def _frames(path: Path, make: Make) -> None:
    """Eight frames of the size of the reference, and a sound."""
    for number in range(8):
        bad_media.png(path / f"{number:04}.png", 96, 96)
    make(path / "a.wav")


WAVS: dict[str, tuple[Make, str]] = {
    "a wav at 1 Hz": (lambda path: bad_media.wav(path, 1), "sound at 1 Hz"),
    "a wav of 4 GHz": (lambda path: bad_media.wav(path, 4_000_000_000), "a.wav"),
    "a wav of 700 MHz": (lambda path: bad_media.wav(path, 700_000_000), "expected 4000 to 768000"),
    "a wav of 1000 channels": (lambda path: bad_media.wav(path, channels=1000), "a.wav"),
    "a wav of 20 channels": (lambda path: bad_media.wav(path, channels=20), "expected at most 8"),
    "a wav of two hours": (lambda path: bad_media.wav(path, 4000, held=4000 * 2 * 700), "s of sound"),
    "a wav that announces more": (lambda path: bad_media.wav(path, announced=99_000), "cut short"),
    "an empty wav": (lambda path: _text(path, ""), "empty file"),
} | {f"{what} as a wav": (make, said) for what, (make, said) in bad_media.NO_FILES.items() if what != "a device"}


def _landmarks(value: float) -> dict[str, Any]:
    return {"landmarks": np.full((8, 80, 2), value, np.float32)}


SIDECARS: dict[str, tuple[Make, str]] = {
    "landmarks 1e6 px outside": (lambda path: bad_media.track(path, **_landmarks(1e6)), "far outside"),
    "landmarks of -1e30": (lambda path: bad_media.track(path, **_landmarks(-1e30)), "far outside"),
    "landmarks that are no numbers": (lambda path: bad_media.track(path, **_landmarks(np.nan)), "no numbers"),
    "infinite landmarks": (lambda path: bad_media.track(path, **_landmarks(np.inf)), "far outside"),
    "shots that fall": (lambda path: bad_media.track(path, shots=np.arange(8)[::-1]), "shots"),
    "shots of 1e30": (lambda path: bad_media.track(path, shots=np.full(8, 1e30)), "shots"),
    "landmarks as texts": (lambda path: bad_media.track(path, landmarks=np.full((8, 80, 2), "x")), "not a readable"),
    "landmarks as objects": (
        lambda path: bad_media.track(path, landmarks=np.full((8, 80, 2), None, object)),
        "not a readable",
    ),
    "landmarks of one point": (lambda path: bad_media.track(path, landmarks=np.zeros((8, 1, 2))), "expected (frames"),
    "a side-car that unpacks to 300 MB": (
        lambda path: bad_media.lying_track(path, (300 << 18, 1), 300 << 20),
        "it unpacks to",
    ),
    "a side-car that announces a shape of 1e12": (
        lambda path: bad_media.lying_track(path, (10**12, 80, 2), 1 << 20),
        "takes 1,048,576",
    ),
    "a side-car of nothing": (lambda path: path.write_bytes(b""), "not a readable"),
    "a folder as a side-car": (lambda path: (path.unlink(), path.mkdir()), "Is a directory"),
} | {
    f"{what} as a side-car": (lambda path, make=make: (path.unlink(), make(path)), said)  # type: ignore[misc]
    for what, (make, said) in bad_media.NO_FILES.items()
    if what != "a device"
}


def _text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _score(folder: Path, stock: Stock, suffix: str, make: Make) -> None:
    """real/ and made/, of which the first video is a bad one."""
    shutil.copytree(stock.real, folder / "real")
    shutil.copytree(stock.made, folder / "made")
    good = folder / f"made/{CLIP}.mp4"
    good.rename(good.with_name("good.mp4"))
    (folder / "made/t1/good.mp4").rename(folder / "good.mp4")
    make(folder / f"made/{CLIP}{suffix}")


def _sidecar(folder: Path, stock: Stock, make: Make) -> None:
    shutil.copytree(stock.real, folder / "real")
    shutil.copytree(stock.made, folder / "made")
    make(folder / f"real/{CLIP}.landmarks.npz")


def _scores() -> Iterator[Case]:
    for what, (suffix, make, said) in VIDEOS.items():
        fill = partial(_score, suffix=suffix, make=make)
        asked = ["score", "made", "--reference", "real", *SCORE]
        yield Case(f"score {what}", asked, fill, words=[CLIP, said], changes=["runs"])
    for what in ("pictures of 2048x2048 beside 96x96", "PNGs of 13000x13000", "a device as a frame"):
        suffix, make, said = VIDEOS[what]
        fill = partial(_score, suffix=suffix, make=make)
        skip = ["score", "made", "--reference", "real", *SCORE, "--on-error", "skip"]
        yield Case(f"score --on-error skip {what}", skip, fill, status=3, words=[CLIP, said], changes=["runs"])
    for what in ("60 pictures of 8192x8192 in ts", "ffconcat", "a pipe as a video", "a device as a frame"):
        suffix, make, said = VIDEOS[what]
        one = f"made/{CLIP}{suffix}"
        fill = partial(_score, suffix=suffix, make=make)
        yield Case(f"doctor {what}", ["doctor", one], fill, status=1 if "pipe" in what else 3)
        wanted = ["score", "good.mp4", "--reference", one, *SCORE]
        yield Case(f"score beside {what}", wanted, fill, words=[], changes=["runs"])
    for what, (spoil, said) in WAVS.items():
        fill = partial(_score, suffix="", make=lambda path, spoil=spoil: _frames(path, spoil))  # type: ignore[misc]
        asked = ["score", "made", "--reference", "real", *SCORE]
        yield Case(f"score {what}", asked, fill, words=[CLIP, said], changes=["runs"])
    for what, (spoil, said) in SIDECARS.items():
        asked = ["score", "made", "--reference", "real", *MOUTH]
        fill = partial(_sidecar, make=spoil)
        yield Case(f"score {what}", asked, fill, words=["a0.landmarks.npz", said], changes=["runs"])


# Raw downloads of GRID


def _raw(folder: Path, stock: Stock, make: Make) -> None:
    (folder / "raw").mkdir()
    (folder / "model.task").write_bytes(b"no model")
    make(folder / "raw")


def _zip(path: Path, members: dict[str, bytes], keep: float = 1.0) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    content = buffer.getvalue()
    path.write_bytes(content[: int(keep * len(content))])


def _tar(path: Path, keep: float = 1.0) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        entry = tarfile.TarInfo("s1/bbaf2n.mpg")
        entry.size = 20000
        archive.addfile(entry, io.BytesIO(os.urandom(20000)))
    content = buffer.getvalue()
    path.write_bytes(content[: int(keep * len(content))])


RAWS: dict[str, tuple[Make, str]] = {
    "a zip that is cut": (lambda raw: _zip(raw / "s1.zip", {"s1/bbaf2n.mpg": os.urandom(9000)}, 0.5), "s1.zip"),
    "a tar that is cut": (lambda raw: _tar(raw / "s1.tar.gz", 0.5), "s1.tar.gz"),
    "a zip of zeros": (lambda raw: (raw / "s1.zip").write_bytes(bytes(9000)), "not an archive"),
    "a zip bomb": (lambda raw: _zip(raw / "s1.zip", {"s1/bbaf2n.mpg": bytes(99 << 20)}), "decompression bomb"),
    "a member of 20 MB": (lambda raw: _zip(raw / "s1.zip", {"s1/bbaf2n.mpg": bytes(20 << 20)}), "expected at most"),
    "a zip that leads out": (lambda raw: _zip(raw / "s1.zip", {"../s1/bbaf2n.mpg": b"x"}), "leads out"),
    "a clip of nothing": (lambda raw: ((raw / "s1").mkdir(), _text(raw / "s1/bbaf2n.mpg", "")), "empty file"),
    "ffconcat as a clip": (
        lambda raw: ((raw / "s1").mkdir(), _text(raw / "s1/bbaf2n.mpg", "ffconcat version 1.0\nfile 'x'\n")),
        "ffconcat",
    ),
}
for _what, (_make, _said) in bad_media.NO_FILES.items():
    for _name in ("s1.zip", "s1.tar", "bbaf2n.mpg", "bbaf2n.align"):
        RAWS[f"{_what} as {_name}"] = (lambda raw, make=_make, name=_name: make(raw / name), _said)  # type: ignore[misc]


def _prepares() -> Iterator[Case]:
    for what, (make, said) in RAWS.items():
        asked = ["prepare", "grid", "raw", "--out", "data", "--no-shards", "--workers", "1", *MODEL]
        yield Case(f"prepare grid {what}", asked, partial(_raw, make=make), status=3, words=[said], changes=["data"])


# Where one file is expected, and what is made


def _one(folder: Path, stock: Stock, name: str, make: Make) -> None:
    shutil.copytree(stock.real, folder / "real")
    shutil.copytree(stock.made, folder / "made")
    make(folder / name)


def _program(code: str) -> str:
    return f"cmd:{sys.executable} -c '{code}' {{output}} {{video}}"


FIFO = _program("import os, sys; os.mkfifo(sys.argv[1])")
ZERO = _program('import os, sys; os.symlink("/dev/zero", sys.argv[1])')
LIST = _program('import sys; open(sys.argv[1], "w").write("ffconcat version 1.0\\nfile x\\n")')


def _files() -> Iterator[Case]:
    for what, (make, said) in bad_media.NO_FILES.items():
        fill = partial(_one, name="file.toml", make=make)
        asked = ["score", "made", "--protocol", "file.toml", "--data", "real", *SCORE]
        yield Case(f"score --protocol {what}", asked, fill, words=["file.toml", said], changes=["runs"])
        fill = partial(_one, name="weights", make=make)
        asked = ["score", "made", "--reference", "real", "--weights", "face_landmarker=weights"]
        asked += ["--metric", "lmd", "--workers", "1", "--no-anchors", "--out", "runs"]
        yield Case(f"score --weights {what}", asked, fill, words=["weights is not a file"], changes=["runs"])
        fill = partial(_one, name="bundle.zip", make=make)
        yield Case(f"verify {what}", ["verify", "bundle.zip"], fill, words=["bundle.zip", said])
        yield Case(f"weights import {what}", ["weights", "import", "bundle.zip"], fill, words=["bundle.zip"])
    for what, made, said in (
        ("writes a pipe", FIFO, "a pipe"),
        ("writes a device", ZERO, "a device"),
        ("writes ffconcat", LIST, "ffconcat"),
    ):
        fill = partial(_one, name="x", make=lambda path: _text(path, ""))
        asked = ["generate", made, "--reference", "real", "--out", "out", "--workers", "1"]
        yield Case(f"generate {what}", asked, fill, words=[CLIP, said], changes=["out"])
        asked = ["audit", "leakage", made, "--reference", "real", "--workers", "1", "--offline"]
        yield Case(f"audit leakage {what}", asked, fill, words=[said], more_lines=True)
    asked = ["score", "made", "--protocol", "own.toml", "--data", "real", *SCORE]
    yield Case("score a manifest of 1 GB", asked, _huge_manifest, words=["clips.csv", "larger than"], changes=["runs"])
    yield Case("score a manifest that is a device", asked, _device_manifest, words=["own.toml"], changes=["runs"])


def _sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 30)


def _huge_manifest(folder: Path, stock: Stock) -> None:
    _one(folder, stock, "clips.csv", _sparse)
    _text(folder / "own.toml", 'name = "own"\nversion = "1"\nmanifest = "clips.csv"\n')


def _device_manifest(folder: Path, stock: Stock) -> None:
    _one(folder, stock, "clips.csv", bad_media.device)
    _text(folder / "own.toml", 'name = "own"\nversion = "1"\nmanifest = "clips.csv"\n')


CASES = [*_scores(), *_prepares(), *_files()]
