"""How fast clips are read, beside the plain ways: both sides in one process, in turn, on the same files.

    python bench/decode.py ../shared/grid-mini --clips 24

frames: a copy of each clip without its sound, read by read_clip and by PyAV's to_ndarray and np.stack, whose colours
are up to three levels too dark.
speech: the sound alone, at 16 kHz mono, by lsbench and by librosa.load (which needs ffmpeg on the PATH to open MPEG;
where it is not there, librosa reads a wav of the same samples, which spares it the decoding).
both: the clip as it is, by read_clip in its one pass, against both plain ways one after the other.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import warnings
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import librosa
import numpy as np

from lsbench.media.files import find_clips, read_clip
from lsbench.media.sound import read_speech

RATE = 16000


def plain_frames(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def plain_speech(path: Path) -> np.ndarray:
    return librosa.load(path, sr=RATE, mono=True)[0]


def speech(path: Path) -> np.ndarray:
    return read_speech(path, str(path), RATE).samples


def without_sound(path: Path, folder: Path) -> Path:
    """The clip's video packets, copied unchanged."""
    silent = folder / f"{path.parent.name}_{path.stem}.mkv"
    with av.open(str(path)) as source, av.open(str(silent), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return silent


def for_librosa(path: Path, folder: Path) -> Path:
    """The clip itself where librosa can open it, otherwise a wav of its 16-bit samples."""
    try:
        plain_speech(path)
        return path
    except Exception:  # librosa's readers raise errors of many kinds
        sound = folder / f"{path.parent.name}_{path.stem}.wav"
    with av.open(str(path)) as container, wave.open(str(sound), "wb") as file:
        blocks = list(container.decode(audio=0))
        file.setnchannels(blocks[0].layout.nb_channels)
        file.setsampwidth(2)
        file.setframerate(blocks[0].sample_rate)
        file.writeframes(np.concatenate([block.to_ndarray() for block in blocks], axis=1).T.astype("<i2").tobytes())
    return sound


def timed(seconds: list[float], call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    start = time.perf_counter()
    result = call(*arguments, **options)
    seconds.append(time.perf_counter() - start)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a folder of clips, such as GRID's")
    parser.add_argument("--clips", type=int, default=24, help="how many of them (default 24)")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    clips = dict(list(find_clips(options.folder).items())[: options.clips])
    names = ("frames", "speech", "both")
    ours: dict[str, list[float]] = {name: [] for name in names}
    theirs: dict[str, list[float]] = {name: [] for name in names}
    identical, difference, darker = True, 0.0, []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        silents = {clip_id: without_sound(path, folder) for clip_id, path in clips.items()}
        sounds = {clip_id: for_librosa(path, folder) for clip_id, path in clips.items()}
        for clip_id, path in clips.items():
            silent, sound = silents[clip_id], sounds[clip_id]
            expected = timed(theirs["frames"], plain_frames, silent)
            clip = timed(ours["frames"], read_clip, silent, clip_id, sound="optional")
            darker.append(float((expected - clip.frames.astype(int)).mean()))
            heard = timed(theirs["speech"], plain_speech, sound)
            samples = timed(ours["speech"], speech, path)
            common = min(len(heard), len(samples))
            difference = max(difference, float(np.abs(np.clip(heard[:common], -1, 1) - samples[:common]).max()))
            theirs["both"].append(theirs["frames"][-1] + theirs["speech"][-1])
            identical &= np.array_equal(timed(ours["both"], read_clip, path, clip_id).frames, clip.frames)
        opened = "the video" if sound == path else "a wav"
    print(f"{len(clips)} clips, medians; frames with and without sound identical: {identical}")
    print(f"plain frames are {-statistics.mean(darker):.2f} levels darker; speech differs by at most {difference:.1e}")
    for name, peer in zip(
        names, ("to_ndarray + np.stack", f"librosa.load of {opened}", "both plain ways"), strict=True
    ):
        plain, mine = (1000 * statistics.median(seconds[name]) for seconds in (theirs, ours))
        print(f"{name:7} {plain:7.1f} ms {peer:26} lsbench {mine:6.1f} ms   {plain / mine:5.2f}x")


if __name__ == "__main__":
    main()
