"""Are sound and pictures read as a player shows them? `python bench/stream_starts.py [FOLDER]...`.

Printed: how late the pictures are, as read, of files that FFmpeg wrote in time (a click at the instant of frame 25),
in milliseconds; for each FOLDER of clips, what their containers say of both streams, and how long their sound is
silent at first.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import av
import numpy as np

from lsbench.media.files import find_clips, read_clip

WRITTEN = (
    ("mpg", "mpeg1video", "mp2"),
    ("avi", "mpeg4", "pcm_s16le"),
    ("avi", "mpeg4", "mp3"),
    ("mp4", "mpeg4", "aac"),
    ("mkv", "mpeg4", "aac"),
    ("mkv", "mpeg4", "libopus"),
)
SILENT = 1e-3  # of full scale, -60 dB


def late_ms(suffix: str, video: str, audio: str, folder: Path) -> float:
    path, rate = folder / f"click.{suffix}", 48000 if audio == "libopus" else 44100
    sound = np.zeros(3 * rate, np.int16)
    sound[rate : rate + rate // 200] = 20000
    with av.open(str(path), "w") as container:
        pictures: Any = container.add_stream(video, rate=25, width=64, height=64, pix_fmt="yuv420p")
        speech: Any = container.add_stream(audio, rate=rate, layout="mono")
        for index in range(75):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), index, np.uint8), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(pictures.encode(frame))
            first, last = (place * rate // 25 for place in (index, index + 1))
            block = av.AudioFrame.from_ndarray(sound[None, first:last], layout="mono")
            block.sample_rate, block.pts, block.time_base = rate, first, Fraction(1, rate)
            container.mux(speech.encode(block))
        container.mux(pictures.encode(None))
        container.mux(speech.encode(None))
    clip = read_clip(path, "click")
    heard = float(np.argmax(np.abs(clip.speech) > 0.25)) / clip.sample_rate
    return 1000 * (25 / clip.fps - heard)


def stated(path: Path) -> tuple[str, float]:
    """What a file says of its streams, and for how many ms its sound is silent at first, by its own samples."""
    parts, silent = [], float("nan")
    kinds: tuple[Literal["video", "audio"], ...] = ("video", "audio")
    for kind in kinds:
        with av.open(str(path)) as container:
            stream: Any = container.streams.best(kind)
            if stream is None:
                continue
            frames: list[Any] = list(container.decode(stream))
            if kind == "video":
                length = len(frames) / float(stream.average_rate)
            else:
                samples = np.concatenate([frame.to_ndarray()[0].ravel() for frame in frames])
                length = sum(frame.samples for frame in frames) / stream.rate
                loud = np.abs(samples / (32768 if samples.dtype.kind == "i" else 1)) > SILENT
                silent = 1000 * float(loud.argmax()) / len(samples) * length
            parts.append(f"{stream.codec_context.name} from {1000 * (frames[0].time or 0):.1f} ms, {length:.3f} s")
    return ", ".join(parts), silent


def main(folders: list[Path]) -> None:
    print("written in time, then read: pictures late by, ms")
    with TemporaryDirectory() as folder:
        for kind in WRITTEN:
            print(f"{' '.join(kind):<20} {late_ms(*kind, Path(folder)):+6.1f}")
    for folder_of_clips in folders:
        found = defaultdict(list)
        for path in find_clips(folder_of_clips).values():
            try:
                what, silent = stated(path)
            except av.FFmpegError:
                continue
            found[what].append(silent)
        print(f"\nclips of {folder_of_clips}; their sound is silent at first, median, ms; streams")
        for what, silences in sorted(found.items(), key=lambda item: -len(item[1])):
            print(f"{len(silences):>5} {np.median(silences):>6.1f}  {what}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="*")
    main(parser.parse_args().folders)
