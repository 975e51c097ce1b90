"""How fast a face is followed, and where, beside MediaPipe's plain landmarker: both in one process, on the same clips.

    python bench/tracker.py ../shared/grid-mini --clips 24

The plain landmarker looks for one face in every frame on its own, in image mode. Printed are milliseconds a frame, and
how far the landmarks of both lie apart, in inter-ocular distances, where both see a face.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from lsbench.face.landmarker import MESH_POINTS
from lsbench.face.tracker import FaceTracker
from lsbench.media.clip import Clip
from lsbench.media.files import find_clips, read_clip
from lsbench.networks import weights


def plain_landmarker(model: Path) -> Any:
    from mediapipe.tasks.python import BaseOptions, vision

    base = BaseOptions(model_asset_path=str(model))
    return vision.FaceLandmarker.create_from_options(vision.FaceLandmarkerOptions(base_options=base, num_faces=1))


def plain(landmarker: Any, clip: Clip) -> np.ndarray:
    import mediapipe

    height, width = clip.frames.shape[1:3]
    points = np.full((len(clip), len(MESH_POINTS), 2), np.nan)
    for target, frame in zip(points, clip.frames, strict=True):
        image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(frame))
        faces = landmarker.detect(image).face_landmarks
        if faces:
            target[...] = np.array([(p.x, p.y) for p in faces[0]])[MESH_POINTS] * (width, height) - 0.5
    return points


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a folder of clips, such as GRID's")
    parser.add_argument("--clips", type=int, default=24, help="how many of them (default 24)")
    options = parser.parse_args()
    tracker = FaceTracker(*weights.require("face_landmarker"))
    ours: list[float] = []
    theirs: list[float] = []
    apart: list[np.ndarray] = []
    with plain_landmarker(tracker.model) as landmarker:
        for clip_id, path in list(find_clips(options.folder).items())[: options.clips]:
            clip = read_clip(path, clip_id, sound="optional")
            start = time.perf_counter()
            expected = plain(landmarker, clip)
            theirs.append((time.perf_counter() - start) / len(clip))
            start = time.perf_counter()
            track = tracker.measure(clip)
            ours.append((time.perf_counter() - start) / len(clip))
            away = np.linalg.norm(track.landmarks - expected, axis=2).max(axis=1) / track.interocular()
            apart.append(away[np.isfinite(away)])
            print(f"{clip_id:12} found {track.found.sum()} of {len(track)}; {'; '.join(track.notes()) or 'no notes'}")
    away = np.concatenate(apart)
    mine, plainly = (1000 * statistics.median(seconds) for seconds in (ours, theirs))
    print(f"{len(ours)} clips, medians: lsbench {mine:.1f} ms a frame, plain landmarker {plainly:.1f} ms")
    print(f"worst point of a frame, inter-ocular distances apart: median {np.median(away):.4f}, most {away.max():.4f}")


if __name__ == "__main__":
    main()
