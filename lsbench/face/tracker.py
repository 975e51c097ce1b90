"""Landmarks of a clip: MediaPipe's face landmarker, exact side-cars, gaps, and the cache of tracks.

The landmarker is MediaPipe's FaceLandmarker (Tasks API) in image mode: every frame on its own, without temporal
smoothing, so a frame's landmarks do not depend on its neighbours.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from lsbench.errors import FaceError
from lsbench.face.track import POINTS, FaceTrack
from lsbench.media.clip import Clip
from lsbench.media.film import Film
from lsbench.system import arrays
from lsbench.system.cache import cache_dir

# Points of MediaPipe's face mesh in the order of lsbench.face.track: face oval, outer lips, inner lips, eye corners.
# fmt: off
MESH_POINTS = np.array([
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185,
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191,
    33, 133, 362, 263,
])
# fmt: on
MAX_GAP = 5  # frames without a face that are interpolated
WINDOW = 8  # frames of a film that are read at a time
SIDECAR_SUFFIX = ".landmarks.npz"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FaceTracker:
    """MediaPipe's face landmarker with one model file.

    Attributes:
        model: path of face_landmarker.task.
        sha256: of that file.
    """

    model: Path
    sha256: str

    @property
    def signature(self) -> str:
        """What can move a landmark: the model's bytes, MediaPipe's version and our own rules."""
        return f"face_landmarker.1|sha256:{self.sha256[:16]}|mediapipe:{version('mediapipe')}|max_gap:{MAX_GAP}"

    def measure(self, video: Film | Clip) -> FaceTrack:
        """Landmarks of every frame; NaN and found=False where the landmarker sees no face. About 12 ms a frame.

        A film is read window by window. A frame that repeats the one before it is not looked at again.
        """
        film = Film.of(video) if isinstance(video, Clip) else video
        height, width = film.size
        landmarks = np.full((len(film), POINTS, 2), np.nan, np.float32)
        with self._landmarker() as landmarker:
            import mediapipe

            before: np.ndarray | None = None
            for place, frame in enumerate(_frames(film)):
                if before is not None and np.array_equal(frame, before):
                    landmarks[place] = landmarks[place - 1]
                    continue
                before = frame
                image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(frame))
                faces = landmarker.detect(image).face_landmarks
                if faces:
                    points = np.array([(point.x, point.y) for point in faces[0]], np.float64)[MESH_POINTS]
                    landmarks[place] = points * (width, height) - 0.5
        has_face = np.asarray(np.isfinite(landmarks).all(axis=(1, 2)))
        return FaceTrack(landmarks, has_face, height, width)

    def measure_cached(self, video: Film | Clip, content_sha256: str) -> FaceTrack:
        """measure(), kept on disk by the content of the file that the video was decoded from, and by the decoder."""
        maker = _short(f"{self.signature}|av:{version('av')}")
        path = cache_dir() / "tracks" / content_sha256[:2] / f"{content_sha256}-{maker}.npz"
        with contextlib.suppress(FaceError):
            track = load_track(path)
            if len(track) == len(video):
                _log.debug("clip %s: landmarks from %s", video.id, path)
                return track
        track = self.measure(video)
        _log.debug("clip %s: landmarks measured, a face in %d of %d frames", video.id, track.found.sum(), len(track))
        try:
            save_track(path, track)
        except OSError as error:  # a cache that cannot be written (read-only, full) costs time, not the result
            _log.info("landmarks cannot be kept: %s", error)
        return track

    def _landmarker(self) -> Any:
        """A new landmarker, to be used as a context; about 50 ms, and it must be closed before the process ends."""
        with _native_stderr_silenced():
            try:
                from mediapipe.tasks.python import BaseOptions, vision
            except (ImportError, OSError) as error:
                raise FaceError(
                    f"MediaPipe cannot be loaded ({error}); it needs the system's GL libraries, on Debian and Ubuntu: "
                    "apt-get install libgl1 libegl1 libgles2"
                ) from error
            options = vision.FaceLandmarkerOptions(
                base_options=BaseOptions(model_asset_path=str(self.model)),
                running_mode=vision.RunningMode.IMAGE,
                num_faces=1,
            )
            try:
                return vision.FaceLandmarker.create_from_options(options)
            except (RuntimeError, ValueError, OSError) as error:
                raise FaceError(f"{self.model}: not a face landmarker model ({error})") from error


def fill_gaps(track: FaceTrack, clip_id: str) -> FaceTrack:
    """Interpolate runs of up to MAX_GAP frames without a face, linearly between their neighbours (ends repeated).

    Args:
        track: as measured, NaN where no face was seen.
        clip_id: for the error.

    Returns:
        A track without NaN; its flags still tell which frames were interpolated.

    Raises:
        FaceError: naming the frames, where a run is longer, or where no frame has a face.
    """
    missing = _runs(~track.found)
    too_long = [run for run in missing if len(run) > MAX_GAP]
    if too_long or not track.found.any():
        frames = ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in too_long or missing)
        raise FaceError(
            f"clip {clip_id}: no face found in frames {frames} of 0-{len(track) - 1}; face and mouth regions need a "
            f"face with gaps of at most {MAX_GAP} frames. Check the clip, or score --region whole only"
        )
    if track.found.all():
        return track
    flat = track.landmarks.reshape(len(track), -1).astype(np.float64)
    every, seen = np.arange(len(track)), np.flatnonzero(track.found)
    filled = np.stack([np.interp(every, seen, column[seen]) for column in flat.T], axis=1)
    return FaceTrack(filled.reshape(track.landmarks.shape).astype(np.float32), track.found, track.height, track.width)


def reference_track(
    clip: Film | Clip, content_sha256: str, landmarks: Path | None, tracker: FaceTracker | None
) -> FaceTrack:
    """The face of a reference clip without gaps, from its exact side-car where there is one, else from the tracker.

    Args:
        clip: the reference, read.
        content_sha256: of the file that it was decoded from, by which landmarks are kept.
        landmarks: its side-car, if it has one.
        tracker: for clips without.

    Raises:
        FaceError: where the side-car is of another video, there is neither, or gaps are too long.
    """
    if landmarks:
        track = load_track(landmarks)
        shape = len(track), track.height, track.width
        expected = len(clip), *_size(clip)
        if shape != expected:
            raise FaceError(
                f"clip {clip.id}: {landmarks} is for {shape} (frames, height, width), the video has "
                f"{expected}; delete or renew it"
            )
    elif tracker:
        track = tracker.measure_cached(clip, content_sha256)
    else:
        raise FaceError(f"clip {clip.id}: regions face and mouth need landmarks, and there is no face tracker")
    return fill_gaps(track, clip.id)


def sidecar(source: Path) -> Path:
    """Where exact landmarks of a clip may lie: `bbaf2n.landmarks.npz` beside `bbaf2n.mpg` or the folder `bbaf2n`."""
    return source.with_name((source.name if source.is_dir() else source.stem) + SIDECAR_SUFFIX)


def save_track(path: Path, track: FaceTrack) -> None:
    """Write a track as .npz (landmarks, found, height, width), whole or not at all."""
    size = {"height": track.height, "width": track.width}
    arrays.write(path, {"landmarks": track.landmarks, "found": track.found, **size})


def load_track(path: Path) -> FaceTrack:
    """Read what save_track wrote; FaceError where the file is missing or damaged."""
    try:
        with arrays.opened(path) as data:
            landmarks, has_face = data["landmarks"].astype(np.float32), data["found"].astype(bool)
            return FaceTrack(landmarks, has_face, int(data["height"]), int(data["width"]))
    except (OSError, ValueError) as error:
        raise FaceError(f"{path}: not a readable landmark file ({error})") from error


def _frames(film: Film) -> Iterator[np.ndarray]:
    """A film frame by frame: uint8 (H, W, 3)."""
    for window in film.windows(WINDOW):
        yield from window.frames[window.own]


def _size(video: Film | Clip) -> tuple[int, int]:
    """Height and width of a frame, px."""
    return video.size if isinstance(video, Film) else (video.frames.shape[1], video.frames.shape[2])


def _runs(mask: np.ndarray) -> list[np.ndarray]:
    indices = np.flatnonzero(mask)
    return np.split(indices, np.flatnonzero(np.diff(indices) > 1) + 1) if len(indices) else []


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@contextlib.contextmanager
def _native_stderr_silenced() -> Iterator[None]:
    """Keep the C++ start-up chatter of MediaPipe off the terminal."""
    saved = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
