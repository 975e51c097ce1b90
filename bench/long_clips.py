"""Memory and time of scoring against the length of a clip: each length in a process of its own.

    python bench/long_clips.py ../shared/grid-mini/s1 --seconds 10 60 600 --size 1920x1080

A video of the given length is made of a real clip, enlarged and played to and fro, and a slightly spoiled copy of it;
both are scored by the command line with one worker. Prints peak memory of the process tree, seconds, and milliseconds a
frame; linear time is one figure in the last column, flat memory one in the second.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from lsbench.media.clip import Clip
from lsbench.media.files import find_clips, read_clip

METRICS = ("psnr", "ssim", "lmd", "sync_corr", "fd_efficientnet_lite0")


def write_long(path: Path, clip: Clip, seconds: float, size: tuple[int, int], fps: int, crf: int) -> None:
    """The clip to and fro for some seconds, at another size and rate, with its sound from front to back again.

    One round is encoded, and its packets are written as often as it takes.
    """
    width, height = size
    order = np.concatenate([np.arange(len(clip)), np.arange(len(clip))[-2:0:-1]])
    count = round(seconds * fps)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=fps, options={"crf": str(crf), "preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        audio = container.add_stream("aac", rate=clip.sample_rate, layout="mono")
        packets: list[Any] = []
        for index in range(min(count, len(order))):
            picture = clip.frames[order[round(index * clip.fps / fps) % len(order)]]
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
            packets += video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24"))
        packets += video.encode()
        for number in range(count):
            turn, place = divmod(number, len(packets))
            packet = av.Packet(bytes(packets[place]))
            packet.stream, packet.time_base = video, Fraction(1, fps)
            packet.pts = packet.dts = turn * len(packets) + place  # this preset reorders no pictures
            packet.duration, packet.is_keyframe = 1, packets[place].is_keyframe
            container.mux(packet)
        sound = np.tile(clip.speech, int(np.ceil(seconds * clip.sample_rate / len(clip.speech))))
        sound = sound[: round(seconds * clip.sample_rate)]
        for start in range(0, len(sound), 1024):
            block = av.AudioFrame.from_ndarray(sound[None, start : start + 1024], format="fltp", layout="mono")
            block.sample_rate, block.pts = clip.sample_rate, start
            container.mux(audio.encode(block))
        container.mux(audio.encode())


def measured(command: list[str]) -> tuple[float, float]:
    """Seconds, and GiB of the largest process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        sys.exit(f"{' '.join(command)} failed")
    return time.perf_counter() - start, usage.ru_maxrss / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a folder of clips, the first of which is used")
    parser.add_argument("--seconds", type=float, nargs="+", default=[10, 60])
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--fps", type=int, default=25)
    parser.add_argument("--metric", nargs="+", default=METRICS)
    parser.add_argument("--region", nargs="+", default=["whole", "face", "mouth"])
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    clip_id, path = next(iter(find_clips(options.folder).items()))
    clip = read_clip(path, clip_id)
    chosen = [item for metric in options.metric for item in ("--metric", metric)]
    chosen += [item for region in options.region for item in ("--region", region)]
    print(f"{options.size}, {options.fps} frames a second; {', '.join(options.metric)}")
    print(f"{'seconds':>8} {'frames':>7} {'GiB':>6} {'took s':>8} {'ms a frame':>11}")
    for seconds in options.seconds:
        with tempfile.TemporaryDirectory() as scratch:
            sides = Path(scratch) / "reference", Path(scratch) / "generated"
            for side, crf in zip(sides, (18, 28), strict=True):
                side.mkdir()
                write_long(side / "long.mp4", clip, seconds, (width, height), options.fps, crf)
            command = [sys.executable, "-m", "lsbench", "score", str(sides[1]), "--reference", str(sides[0]), "-q"]
            command += ["--out", f"{scratch}/runs", "--workers", "1", "--no-anchors", *chosen]
            os.environ["LSBENCH_CACHE"] = f"{scratch}/cache"
            took, peak = measured(command)
        frames = round(seconds * options.fps)
        print(f"{seconds:8g} {frames:7d} {peak:6.2f} {took:8.1f} {1000 * took / frames:11.1f}", flush=True)


if __name__ == "__main__":
    main()
