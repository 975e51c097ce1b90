"""SyncNet's scores against the package syncnet-python 0.2.3, in one run: `python bench/syncnet.py CLIP`.

Both take the same seeded random weights, which cost as much time as the trained ones, on one real clip. Every round
times all of them in turn; a line gives the median seconds on the clock and of all cores (children included, the truer
figure where the machine is shared), and how many times more the package takes.

crops: from the same face crops and sound to offset, LSE-C and LSE-D. The package reads them from the files that it
takes, lsbench from arrays.
video: from the video file to the scores, with everything on the way. lsbench decodes, finds landmarks and crops; the
package converts, runs its face detector, encodes the crops and decodes them. Its detector runs with random weights too
and is then overruled by lsbench's boxes, so that both score the same face. Left out without ffmpeg on the PATH.
kept: lsbench alone, where the landmarks and the embeddings of the faces are on disk: a real clip with another sound.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import syncnet_python
import torch
from PIL import Image
from scipy.io import wavfile

from lsbench.face.track import FACE_OVAL, FaceTrack
from lsbench.face.tracker import FaceTracker, fill_gaps
from lsbench.media.files import content_sha256, read_clip
from lsbench.media.spectra import pcm16
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._syncnet.syncnet_crop import crop_squares, face_squares
from lsbench.metrics._syncnet.syncnet_features import face_embeddings, sound_embeddings
from lsbench.metrics.syncnet import LSED, av_offset, lse_c, lse_d, mean_distances
from lsbench.networks import weights

PACKAGE = {name: sys.modules[f"syncnet_python.{name}"] for name in ("SyncNetModel", "SyncNetInstance")}
PIPELINE: Any = syncnet_python.syncnet_pipeline
Scores = tuple[float, float, float]  # offset, LSE-C, LSE-D


def random_network(seed: int = 0) -> torch.nn.Module:
    """The package's network with weights that keep activations in range."""
    torch.manual_seed(seed)
    network: torch.nn.Module = PACKAGE["SyncNetModel"].S()
    for module in network.modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Conv3d)):
            module.weight.data.normal_(0, (2 / module.weight[0].numel()) ** 0.5)
    network.state_dict()["netcnnlip.0.weight"] /= 100
    return network.eval()


def read(distances: np.ndarray) -> Scores:
    return av_offset(distances), lse_c(distances), lse_d(distances)


def by_lsbench(faces: np.ndarray, sound: np.ndarray, path: Path) -> Scores:
    """From crops and sound."""
    count = min(len(faces), len(sound) // 640) - 5
    lips, heard = face_embeddings(faces, path)[:count], sound_embeddings(sound, path)[:count]
    return read(mean_distances(lips, heard))


def by_lsbench_from_video(video: Path, tracker: FaceTracker, path: Path) -> Scores:
    clip = read_clip(video, video.stem)
    track = fill_gaps(tracker.measure(clip), clip.id)
    stats = LSED().measure(ClipPair(clip, clip, track, weights={"syncnet": path}))
    return read(stats["zero"][0])


def write_crops(faces: np.ndarray, sound: np.ndarray, folder: Path) -> None:
    """The files that the package's evaluate() takes, pixels unharmed."""
    folder.mkdir()
    for place, face in enumerate(faces):
        with open(folder / f"{place:06d}.jpg", "wb") as file:  # told by its content
            Image.fromarray(face).save(file, format="png", compress_level=1)
    wavfile.write(folder / "audio.wav", 16000, sound)


def by_package(network: torch.nn.Module, folder: Path) -> Scores:
    options = SimpleNamespace(tmp_dir=str(folder), batch_size=20, vshift=15)
    offset, confidence, distance = PACKAGE["SyncNetInstance"].SyncNetInstance(network, "cpu").evaluate(options)
    return float(offset), float(confidence), float(distance)


def by_package_from_video(pipeline: Any, video: Path, track: FaceTrack) -> Scores:
    """With the boxes of a track in place of what the detector finds; the last one again where frames are repeated."""
    outline = track.landmarks[:, FACE_OVAL]
    boxes = np.concatenate([outline.min(axis=1), outline.max(axis=1), np.full((len(track), 1), 0.99)], axis=1)
    places = iter([*range(len(boxes)), *[len(boxes) - 1] * 10])
    detect = type(pipeline.s3fd).detect_faces

    def overruled(*args: Any, **named: Any) -> np.ndarray:
        detect(pipeline.s3fd, *args, **named)
        return boxes[next(places)][None]

    pipeline.s3fd.detect_faces = overruled
    offsets, confidences, distances, *_ = pipeline.inference(video_path=str(video))
    return float(offsets[0]), float(confidences[0]), float(distances[0])


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Keep what the package and its ffmpeg print off the terminal."""
    saved = [os.dup(1), os.dup(2)]
    sys.stdout.flush()
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        for number in (1, 2):
            os.dup2(nowhere.fileno(), number)
        try:
            yield
        finally:
            for number, kept in zip((1, 2), saved, strict=True):
                os.dup2(kept, number)
                os.close(kept)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path, help="a video of one face, 50 frames or more at 25 a second")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    video = arguments.clip
    clip = read_clip(video, video.stem)
    tracker = FaceTracker(*weights.require("face_landmarker"))
    track = fill_gaps(tracker.measure(clip), clip.id)
    faces, sound = crop_squares(clip.frames, face_squares(track)), pcm16(clip.speech)
    network = random_network()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["LSBENCH_CACHE"] = str(folder / "cache")
        path, detector = folder / "syncnet_v2.model", folder / "sfd_face.pth"
        torch.save(network.state_dict(), path)
        write_crops(faces, sound, folder / "crops")
        content = content_sha256(video)

        def kept() -> Scores:
            clip = read_clip(video, video.stem)
            track = fill_gaps(tracker.measure_cached(clip, content), clip.id)
            pair = ClipPair(clip, clip, track, weights={"syncnet": path}, reference_sha256=content)
            return read(LSED().measure(pair)["zero"][0])

        contenders: dict[str, tuple[str, Callable[[], Scores]]] = {
            "lsbench, crops": ("", lambda: by_lsbench(faces, sound, path)),
            "syncnet-python, crops": ("lsbench, crops", lambda: by_package(network, folder / "crops")),
            "lsbench, video": ("", lambda: by_lsbench_from_video(video, tracker, path)),
            "lsbench, kept": ("", kept),
        }
        if shutil.which("ffmpeg"):
            torch.save(PIPELINE.S3FDNet("cpu").state_dict(), detector)
            settings = {"s3fd_weights": str(detector), "syncnet_weights": str(path)}
            pipeline = PIPELINE.SyncNetPipeline(settings, device="cpu")
            whole = "syncnet-python, video"
            contenders[whole] = ("lsbench, video", lambda: by_package_from_video(pipeline, video, track))
        seconds: dict[str, list[tuple[float, float]]] = {label: [] for label in contenders}
        scores = {}
        for _ in range(arguments.rounds + 1):  # the first one is not counted
            for label, (_, score) in contenders.items():
                clock, cores = time.perf_counter(), sum(os.times()[:4])
                with silence():
                    scores[label] = score()
                seconds[label].append((time.perf_counter() - clock, sum(os.times()[:4]) - cores))
    medians = {
        label: [statistics.median(row[1:]) for row in zip(*rows, strict=True)] for label, rows in seconds.items()
    }
    head = f"{len(clip)} frames, {arguments.threads} threads"
    print(f"{head:<25}    clock   ratio    cores   ratio   offset     LSE-C     LSE-D")
    for label, (rival, _) in contenders.items():
        line = f"{label:<25}"
        for place, median in enumerate(medians[label]):
            line += f"{median:>9.2f}" + (f"{median / medians[rival][place]:>7.2f}x" if rival else " " * 8)
        offset, confidence, distance = scores[label]
        print(f"{line}{offset:>9.0f}{confidence:>10.5f}{distance:>10.5f}")


if __name__ == "__main__":
    main()
