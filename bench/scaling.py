"""Time and memory of scoring more and more clips, and what it comes to for corpora: `python bench/scaling.py`.

Renders small toy clips, pairs each with a neighbour, and runs `lsbench score` in a process of its own for each number
of clips. Cost is linear where the time a clip stays the same (that of a core, too, which other work does not move), and
memory flat where the peak does.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lsbench.corpus.toy.render import write_corpus
from lsbench.media.files import find_clips

SPEAKERS = 20
PROGRAM = """
import json, resource, sys, time
import lsbench
start = time.perf_counter()
lsbench.score(sys.argv[1], reference=sys.argv[2], metrics=sys.argv[5:], out=sys.argv[3], workers=int(sys.argv[4]))
used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(json.dumps({
    "seconds": time.perf_counter() - start,
    "core_seconds": sum(each.ru_utime + each.ru_stime for each in used),
    "peak_mb": [each.ru_maxrss / 1024 for each in used],
}))
"""


def corpus(folder: Path, clips: int, frames: int) -> None:
    """folder/reference with so many clips, made of hard links where there are more than were rendered."""
    rendered = folder / "rendered"
    if not rendered.exists():
        write_corpus(rendered, speakers=SPEAKERS, clips=5, frames=frames, size=96)
    sources = list(find_clips(rendered).values())
    for side, step in (("reference", 0), ("generated", 1)):
        for number in range(clips):
            source = sources[(number + step) % len(sources)]
            marks = sources[number % len(sources)].with_name(sources[number % len(sources)].stem + ".landmarks.npz")
            target = folder / f"{side}-{clips}" / f"t{number % SPEAKERS}" / f"c{number:07}.mkv"
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(source, target)
            if side == "reference":
                os.link(marks, target.with_suffix(".landmarks.npz"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, nargs="+", default=[250, 500, 1000, 2000])
    parser.add_argument("--frames", type=int, default=25)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--metrics", nargs="+", default=["psnr", "ssim", "sharpness", "flicker"])
    arguments = parser.parse_args()
    print(f"{arguments.frames} frames of 96x96 a clip, {' '.join(arguments.metrics)}, {arguments.workers} workers")
    with tempfile.TemporaryDirectory(prefix="lsbench-scaling-") as folder:
        for clips in arguments.clips:
            corpus(Path(folder), clips, arguments.frames)
            command = [sys.executable, "-c", PROGRAM, f"{folder}/generated-{clips}", f"{folder}/reference-{clips}"]
            command += [f"{folder}/runs", str(arguments.workers), *arguments.metrics]
            start = time.perf_counter()
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            seconds = time.perf_counter() - start
            said = json.loads(done.stdout.splitlines()[-1])
            peaks = " + ".join(f"{peak:.0f}" for peak in said["peak_mb"])
            print(
                f"{clips:6} clips: {seconds:7.1f} s; {1000 * said['seconds'] / clips:6.1f} ms a clip, of a core "
                f"{1000 * said['core_seconds'] / clips:6.1f} ms; peak {peaks} MB",
                flush=True,
            )


if __name__ == "__main__":
    main()
