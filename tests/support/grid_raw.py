"""GRID look-alikes: short MPEG-1 files, and a tracker that sees a face in every bright picture."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import av
import numpy as np

from lsbench.corpus.toy.render import render
from lsbench.face.track import FaceTrack
from lsbench.face.tracker import FaceTracker
from lsbench.media.clip import Clip
from lsbench.media.film import Film


@lru_cache(maxsize=1)
def landmarks() -> np.ndarray:
    """A face in a picture of 64x64."""
    return render(1, 0, frames=1, size=64)[1].landmarks[0]


@dataclass(frozen=True)
class BrightTracker(FaceTracker):
    """Finds the same face in every picture that is not dark, after `pause_s`."""

    model: Path = Path("none")
    sha256: str = "0" * 64
    pause_s: float = 0.0

    @property
    def signature(self) -> str:
        return "bright.1"

    def measure_cached(self, video: Film | Clip, content_sha256: str) -> FaceTrack:
        time.sleep(self.pause_s)
        clip = video.clip() if isinstance(video, Film) else video
        height, width = clip.frames.shape[1:3]
        face = landmarks() * (height / 64)
        found = clip.frames[:, ::16, ::16].mean(axis=(1, 2, 3)) > 40
        points = np.where(found[:, None, None], face, np.nan).astype(np.float32)
        return FaceTrack(points, found, height, width)


def write_mpg(
    path: Path,
    *,
    frames: int = 75,
    size: tuple[int, int] = (360, 288),
    level: int = 120,
    sound: bool = True,
    loudness: float = 0.3,
    sound_s: float = 3.0,
    fps: int = 25,
) -> Path:
    """MPEG-1 video of a moving pattern with MP2 sound, as GRID's clips are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows, columns = np.mgrid[: size[1], : size[0]]
    with av.open(str(path), "w", format="mpeg") as container:
        video = container.add_stream("mpeg1video", rate=fps)
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        video.bit_rate = 1_000_000
        audio = container.add_stream("mp2", rate=44100, layout="mono") if sound else None
        shades = [level + min(level, 40) * np.sin((rows + columns + 4 * k) / 23) for k in range(4)]
        pictures = [np.repeat(shade.astype(np.uint8)[..., None], 3, axis=-1) for shade in shades]
        for k in range(frames):
            frame = av.VideoFrame.from_ndarray(pictures[k % 4], format="rgb24")
            frame.pts = k
            container.mux(video.encode(frame))
        if audio:
            wave = loudness * np.sin(2 * np.pi * 220 * np.arange(round(44100 * sound_s)) / 44100)
            samples = np.rint(wave * 32767).astype(np.int16)
            for start in range(0, len(samples), 1152):
                block = av.AudioFrame.from_ndarray(samples[None, start : start + 1152], format="s16", layout="mono")
                block.sample_rate, block.pts = 44100, start
                container.mux(audio.encode(block))
            container.mux(audio.encode())
        container.mux(video.encode())
    return path


if __name__ == "__main__":  # what the tests kill
    import sys

    from lsbench.corpus.grid.prepare import prepare

    prepare(Path(sys.argv[1]), Path(sys.argv[2]), tracker=BrightTracker(pause_s=0.05))
