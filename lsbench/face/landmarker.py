"""MediaPipe's face landmarker: every face of one picture, as the 80 points of lsbench.face.track, and what it does."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from lsbench.errors import FaceError
from lsbench.face.expression import BLENDSHAPES
from lsbench.face.pose import BASIS_POINTS, rotation

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
MOST_FACES = 5  # of one picture; with one face in it, looking for five takes no longer

_silence = threading.Lock()  # the process has one stderr


@dataclass(frozen=True, eq=False)
class Face:
    """One face of a picture.

    Attributes:
        points: float (80, 2) px in the layout of lsbench.face.track.
        blendshapes: float32 (52,) in the order of BLENDSHAPES, 0 to 1; NaN where nobody told.
        pose: float32 (3, 3), the head's rotation against the picture (see lsbench.face.pose); NaN where nobody told.
    """

    points: np.ndarray
    blendshapes: np.ndarray = field(default_factory=lambda: np.full(len(BLENDSHAPES), np.nan, np.float32))
    pose: np.ndarray = field(default_factory=lambda: np.full((3, 3), np.nan, np.float32))

    def at(self, points: np.ndarray) -> Face:
        """The same face with its points elsewhere, or of another type."""
        return replace(self, points=points)


class Landmarker:
    """MediaPipe's FaceLandmarker (Tasks API) in image mode, as a context.

    Every picture is looked at on its own, without smoothing over time. Opening takes about 50 ms, and it must be closed
    before the process ends.
    """

    def __init__(self, model: Path) -> None:
        self.model = model
        self._task: Any = None

    def __enter__(self) -> Landmarker:
        """Open the model; FaceError where MediaPipe or the file cannot be loaded."""
        with _native_stderr_silenced():
            try:
                options_of_all, vision = _tasks()
            except (ImportError, OSError) as error:
                raise FaceError(
                    f"MediaPipe cannot be loaded ({error}); it needs the system's GL libraries, on Debian and Ubuntu: "
                    "apt-get install libgl1 libegl1 libgles2"
                ) from error
            options = vision.FaceLandmarkerOptions(
                base_options=options_of_all(model_asset_path=str(self.model)),
                running_mode=vision.RunningMode.IMAGE,
                num_faces=MOST_FACES,
                output_face_blendshapes=True,
            )
            try:
                self._task = vision.FaceLandmarker.create_from_options(options)
            except (RuntimeError, ValueError, OSError) as error:
                raise FaceError(f"{self.model}: not a face landmarker model ({error})") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task.close()

    def faces(self, picture: np.ndarray) -> list[Face]:
        """The faces of a picture, uint8 (H, W, 3): points float64, the surest first.

        A face is found from about a tenth of the longer side on: the detector sees the picture at 128x128. Blendshapes
        take a third of a millisecond, and move no landmark.
        """
        import mediapipe

        image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(picture))
        height, width = picture.shape[:2]
        seen = self._task.detect(image)
        return [
            Face(
                np.array([(mesh[point].x, mesh[point].y) for point in MESH_POINTS]) * (width, height) - 0.5,
                np.array([shape.score for shape in shapes], np.float32),
                rotation(
                    np.array([(p.x, p.y, p.z) for p in map(mesh.__getitem__, BASIS_POINTS)]) * (width, height, width)
                ),
            )
            for mesh, shapes in zip(seen.face_landmarks, seen.face_blendshapes, strict=True)
        ]


@cache
def _tasks() -> tuple[Any, Any]:
    """BaseOptions and vision of MediaPipe's tasks, imported on a stack of its own.

    MediaPipe keeps the error of an import that failed within, and with it the stack below: all that our callers hold.
    """

    def load() -> tuple[Any, Any]:
        from mediapipe.tasks.python import BaseOptions, vision

        return BaseOptions, vision

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(load).result()


@contextlib.contextmanager
def _native_stderr_silenced() -> Iterator[None]:
    """Keep the C++ start-up chatter of MediaPipe off the terminal."""
    with _silence:
        saved = os.dup(2)
        try:
            with open(os.devnull, "w") as nowhere:
                os.dup2(nowhere.fileno(), 2)
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
